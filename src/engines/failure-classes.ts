import type { Backend } from '../domain/engine.js'

/**
 * One known way to fail. `hint` may use what `pattern` captured: `$1` is its first group. A group named `maxContext` becomes a fact.
 * `exit`: only with this exit code. `silent`: only as the last line of an engine that did not end by itself.
 */
export type FailureClass = {
  failure: string
  engine: Backend | 'any'
  pattern: RegExp
  hint: string
  exit?: number
  silent?: true
}

const OUT_OF_GPU_MEMORY = /torch\.(?:cuda\.)?OutOfMemoryError|HIP out of memory|hipErrorOutOfMemory|HSA_STATUS_ERROR_OUT_OF_RESOURCES/

/**
 * Known failures, the most specific first: the first pattern that any line matches names the failure. Patterns come from the engines'
 * sources (vLLM 0.32, SGLang 0.5.23) and issue trackers, so a log that none of them knows stays `unknown` with its last line, and the
 * table grows.
 */
export const FAILURE_CLASSES: readonly FailureClass[] = [
  // set-up
  {
    failure: 'no_gpu',
    engine: 'any',
    pattern: /No HIP GPUs are available|ROCk module is NOT loaded|Unable to detect any GPU devices|amdgpu not found in modules/,
    hint: 'this node shows no usable GPU: aim doctor',
  },
  {
    failure: 'kfd_permission',
    engine: 'any',
    pattern: /\/dev\/kfd.*permission denied|unable to open \/dev\/kfd|failed to open kfd/i,
    hint: 'give the user the groups `video` and `render`, and a container the device /dev/kfd',
  },
  {
    failure: 'bad_flag',
    engine: 'any',
    pattern:
      /error: (?:unrecognized arguments|argument \S+: |ambiguous option|the following arguments are required)|ERR_PARSE_ARGS_|llamacpp-server: error: /,
    hint: 'this version of the engine does not take the flag or its value: correct the recipe',
  },
  {
    failure: 'bad_flag',
    engine: 'any',
    exit: 2, // what Python's parser ends with; only then is any other `program: error: ...` its own line
    pattern: /^[\w.-]+(?: \w+)?: error: /,
    hint: 'this version of the engine does not take its flags: correct the recipe',
  },
  {
    failure: 'port_in_use',
    engine: 'any',
    pattern:
      /\[Errno 98\]|address already in use|EADDRINUSE|\w at \d+ is not available|Port is already in use|_port \d+ is already in use/i,
    hint: 'something else listens on the port: choose another one',
  },
  // what the hardware or the engine cannot do
  {
    failure: 'unsupported_fp8_gfx90a',
    engine: 'any',
    pattern: /type fp8e4\w* not supported in this architecture/,
    hint: 'this GPU has no fp8: use a bf16 variant',
  },
  {
    failure: 'unsupported_quant_gpu',
    engine: 'any',
    pattern: /quantization method \S+ is not supported for the current GPU|Quantization scheme is not supported for the current GPU/,
    hint: 'this GPU cannot run the quantisation: use a bf16 or fp16 variant',
  },
  {
    failure: 'unsupported_quant_platform',
    engine: 'vllm',
    pattern: /\b(\w+) quantization is currently not supported in (\w+)/,
    hint: 'vLLM has no $1 on $2: use another precision',
  },
  {
    failure: 'unsupported_dtype',
    engine: 'any',
    pattern: /is not supported for quantization method|Bfloat16 is only supported on GPUs with compute capability/,
    hint: 'set the flag dtype to float16 or auto',
  },
  {
    failure: 'unsupported_model_arch',
    engine: 'any',
    pattern:
      /Model architecture '.*' is not supported by ROCm|Model architecture \S+ is not supported in-tree|architectures \[.*\] are not supported for now|does not recognize this architecture|unknown model architecture/,
    hint: 'this version of the engine does not know the model: use a newer one or another backend',
  },
  {
    failure: 'unsupported_attention',
    engine: 'vllm',
    pattern: /No valid attention backend found for/,
    hint: 'remove the flag attention-backend, or set it to TRITON_ATTN',
  },
  {
    failure: 'mla_block_size',
    engine: 'vllm',
    pattern: /^(?=.*(?:Error|Exception): )(?=.*block[_ -]size)(?=.*\bMLA\b)/,
    hint: 'set the flag block-size to 1',
  },
  {
    failure: 'unsupported_gpu_arch',
    engine: 'any',
    pattern: /hipErrorNoBinaryForGpu|HSA_STATUS_ERROR_INVALID_ISA|invalid device function|no kernel image is available/,
    hint: 'the engine was built for other GPUs: install the build for this one',
  },
  {
    failure: 'triton_shared_memory',
    engine: 'any',
    pattern: /out of resource: shared memory, Required: (\d+), Hardware limit: (\d+)/,
    hint: 'a kernel wants $1 bytes of shared memory and the GPU has $2: use a newer engine',
  },
  {
    failure: 'context_too_long',
    engine: 'any',
    pattern:
      /(?:--context \d+ is longer than the |User-specified max_model_len \(\d+\) is greater than the derived max_model_len \(\D*|context_length \(\d+\) is greater than the derived context_length \()(?<maxContext>\d+)/,
    hint: 'the model was trained for a shorter context: set it to $1 or less',
  },
  // memory
  {
    failure: 'oom_startup_other_process',
    engine: 'vllm',
    pattern: /Free memory on device .* on startup is less than (?:desired GPU memory utilization|the engine's budget)/,
    hint: 'another process holds GPU memory: end it, or choose other GPUs',
  },
  {
    failure: 'oom_weights',
    engine: 'vllm',
    pattern: /Failed to load model - not enough GPU memory/,
    hint: 'the weights do not fit: use more GPUs or a smaller precision',
  },
  {
    failure: 'oom_kv_len',
    engine: 'vllm',
    pattern: /To serve at least one request with the model's max seq len.*estimated maximum model length is (?<maxContext>\d+)/,
    hint: 'this context does not fit: set it to $1 or less',
  },
  {
    failure: 'oom_kv_len',
    engine: 'vllm',
    pattern: /To serve at least one request with the model's max seq len/,
    hint: 'this context does not fit: set a shorter one, or use more GPUs',
  },
  {
    failure: 'oom_kv_autofit',
    engine: 'vllm',
    pattern: /Cannot auto-fit max_model_len/,
    hint: 'not even the shortest context fits beside the weights: use more GPUs or a smaller precision',
  },
  {
    failure: 'oom_no_kv',
    engine: 'vllm',
    pattern: /No available memory for the cache blocks/,
    hint: 'no memory is left beside the weights: raise gpu-memory-utilization, lower max-num-seqs, or use more GPUs',
  },
  {
    failure: 'oom_no_kv',
    engine: 'sglang',
    pattern: /Not enough memory\. Please try to increase --mem-fraction-static/,
    hint: 'no memory is left beside the weights: raise mem-fraction-static, set a shorter context, or use more GPUs',
  },
  {
    failure: 'oom_graph_capture',
    engine: 'sglang',
    pattern: /Capture cuda graph failed/,
    hint: 'no memory is left for graphs: lower mem-fraction-static to 0.8, or cuda-graph-max-bs-decode to 16',
  },
  {
    failure: 'oom_runtime',
    engine: 'sglang',
    pattern: OUT_OF_GPU_MEMORY,
    hint: 'the GPU ran out of memory: lower mem-fraction-static, chunked-prefill-size or max-running-requests',
  },
  {
    failure: 'oom_runtime',
    engine: 'any',
    pattern: OUT_OF_GPU_MEMORY,
    hint: 'the GPU ran out of memory: lower gpu-memory-utilization or max-num-seqs',
  },
  {
    failure: 'oom_host',
    engine: 'any',
    pattern:
      /InsufficientMemoryError|\bMemoryError\b|std::bad_alloc|JavaScript heap out of memory|Cannot allocate memory|(?:unable|failed) to allocate .*buffer/,
    hint: 'the memory of this machine is not enough: set a shorter context, or use a smaller model',
  },
  // hardware and hangs
  {
    failure: 'gpu_fault',
    engine: 'any',
    pattern: /Memory access fault by GPU|HSA_STATUS_ERROR_MEMORY_APERTURE_VIOLATION|(?:GPU|amdgpu)\b.*page fault/,
    hint: 'the GPU faulted: try it without AITER (VLLM_ROCM_USE_AITER=0, SGLANG_USE_AITER=0); if it repeats, take the GPU out of service',
  },
  {
    failure: 'collective_hang',
    engine: 'any',
    pattern: /Watchdog caught collective operation timeout|ProcessGroupNCCL.*timed? ?out/i,
    hint: 'the GPUs do not reach each other: check iommu=pt and numa_balancing=0, or use one GPU',
  },
  {
    failure: 'collective_hang_silent',
    engine: 'vllm',
    silent: true,
    pattern: /vLLM is using nccl==/,
    hint: 'the GPUs stand still while they connect: try NCCL_P2P_DISABLE=1 with disable-custom-all-reduce, check iommu=pt and numa_balancing=0',
  },
  {
    failure: 'forward_watchdog',
    engine: 'sglang',
    pattern: /watchdog timeout \((?!.*self\.soft=True)/i,
    hint: 'one step took longer than the watchdog allows: look above for the cause, or raise watchdog-timeout',
  },
  {
    failure: 'startup_timeout',
    engine: 'vllm',
    pattern: /Timed out waiting for engine core processes to start/,
    hint: 'raise VLLM_ENGINE_READY_TIMEOUT_S in the recipe: large weights load longer',
  },
  // weights and installation: last, because engines also log such lines as warnings
  {
    failure: 'missing_weights',
    engine: 'any',
    pattern: /Cannot find any model weights with|cannot load \/\S+: |error loading model: /,
    hint: 'the weights are incomplete or of another format: fetch the model again, or choose another file',
  },
  {
    failure: 'missing_model',
    engine: 'any',
    pattern:
      /RepositoryNotFoundError|GatedRepoError|40[13] Client Error|does not appear to have a file named|is not a valid model identifier|LocalEntryNotFoundError/,
    hint: 'the snapshot lacks a file that the engine needs: check the files of the recipe',
  },
  {
    failure: 'program_missing',
    engine: 'any',
    pattern:
      /cannot start .*(ENOENT|EACCES|ENOEXEC)|Cannot find (?:package|module) '|ERR_MODULE_NOT_FOUND|ModuleNotFoundError: No module named|NoBinaryFoundError|node-llama-cpp is not installed/,
    hint: 'the engine is not installed as it should be: aim doctor',
  },
  // lines that engines also log when all is well, or that only say that a process died: what else the log says goes before
  {
    failure: 'unsupported_attention',
    engine: 'vllm',
    pattern: /attention backends are not valid for/,
    hint: 'remove the flag attention-backend, or set it to TRITON_ATTN',
  },
  {
    failure: 'collective_hang',
    engine: 'vllm',
    pattern: /No available shared memory broadcast block found in \d+ seconds/,
    hint: 'the processes of the engine wait for each other: check iommu=pt and numa_balancing=0, or use one GPU',
  },
  {
    failure: 'oom_host',
    engine: 'sglang',
    pattern: /Rank \d+ scheduler died during initialization \(exit code: -9\)/,
    hint: 'the memory of this machine is not enough, says the kernel (dmesg): free some, or load a smaller precision',
  },
]

/** Lines that wrap a cause or follow it, and never are one. */
export const ENVELOPES = new RegExp(
  [
    'Engine core initialization failed|WorkerProc initialization failed|EngineCore failed to start',
    'Frontend process failed during engine core initialization|See root cause above|EngineCore encountered an issue',
    'scheduler died during initialization|Worker proc \\S+ died unexpectedly',
    'Received sigquit from a child process|kill_process_tree called:|Triggering SIGQUIT for cleanup',
    'resource_tracker: There appear to be|destroy_process_group\\(\\) was not called|^\\s*warnings\\.warn\\(',
  ].join('|'),
)

/** How an engine tells that one of its processes died: the exit code, negative for a signal. */
export const CHILD_END = [
  /(?:died during initialization|died unexpectedly) \(exit code: (-?\d+)\)/,
  /Subprocess \S+ \(pid=\d+\) crashed with exit code (-?\d+)/,
  /Failed core proc\(s\): \{.*?: (-\d+)/,
]

/** SGLang kills itself with SIGKILL once it has said this: the signal then says nothing about the cause. */
export const KILLS_ITSELF = /Received sigquit from a child process/
