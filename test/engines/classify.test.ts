import { existsSync, readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Backend } from '../../src/domain/engine.js'
import { classify as classifyEnd } from '../../src/engines/classify.js'
import { FAILURE_CLASSES } from '../../src/engines/failure-classes.js'

const classify = (backend: Backend, ...logTail: string[]) => classifyEnd(backend, { code: 1, signal: null, logTail })

/** Lines in the form in which the engines print them (vLLM 0.32 and SGLang 0.5.23: from their sources), with other numbers and paths. */
const LINES: [failure: string, backend: Backend, line: string][] = [
  // set-up
  ['no_gpu', 'vllm', 'RuntimeError: No HIP GPUs are available'],
  ['no_gpu', 'sglang', 'RuntimeError: No HIP GPUs are available'],
  ['kfd_permission', 'vllm', 'Unable to open /dev/kfd read-write: Permission denied'],
  ['kfd_permission', 'sglang', 'Unable to open /dev/kfd read-write: Invalid argument'],
  ['bad_flag', 'vllm', 'vllm serve: error: unrecognized arguments: --swap-space 4'],
  ['bad_flag', 'vllm', "vllm serve: error: argument --block-size: invalid int value: 'x'"],
  ['bad_flag', 'sglang', 'launch_server.py: error: ambiguous option: --cuda-graph-max-bs could match --cuda-graph-max-bs-decode'],
  ['bad_flag', 'sglang', 'launch_server.py: error: the following arguments are required: --model-path/--model'],
  ['bad_flag', 'llamacpp', "llamacpp-server: error: Unknown option '--swap'"],
  ['port_in_use', 'vllm', "OSError: [Errno 98] Address already in use: ('127.0.0.1', 8100)"],
  ['port_in_use', 'sglang', 'ERROR:    [Errno 98] error while attempting to bind on address'],
  ['port_in_use', 'sglang', 'ValueError: nccl_port at 30917 is not available in 30 seconds. nccl_port at 30917 is not available'],
  ['port_in_use', 'sglang', 'Port is already in use. dist_init_port=30101 port_base=30102 detokenizer_port=30103'],
  ['port_in_use', 'sglang', 'RuntimeError: engine_info_bootstrap_port 6789 is already in use. When running multiple instances on'],
  ['port_in_use', 'llamacpp', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:8100'],
  ['program_missing', 'vllm', 'aim: cannot start /opt/vllm/bin/vllm: ENOENT'],
  ['program_missing', 'llamacpp', "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'node-llama-cpp' imported from /aim/main.js"],
  ['program_missing', 'sglang', "ModuleNotFoundError: No module named 'sgl_kernel'"],
  // weights
  ['missing_weights', 'vllm', 'RuntimeError: Cannot find any model weights with `/hub/snapshots/abc`'],
  ['missing_weights', 'llamacpp', '2026-01-01T00:00:00.000Z error: cannot load /hub/snapshots/abc/model.gguf: Failed to load model'],
  ['missing_model', 'vllm', 'OSError: /hub/snapshots/abc does not appear to have a file named config.json. Checkout'],
  ['missing_model', 'sglang', 'OSError: chat/none is not a local folder and is not a valid model identifier listed on the hub'],
  // what the hardware or the engine cannot do
  [
    'context_too_long',
    'llamacpp',
    '2026-01-01T00:00:00.000Z error: --context 9000 is longer than the 2048 tokens this model was trained for',
  ],
  [
    'unsupported_quant_gpu',
    'vllm',
    'ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 94. Current capability: 90.',
  ],
  [
    'unsupported_quant_gpu',
    'sglang',
    'ValueError: The quantization method gptq_marlin is not supported for the current GPU. Minimum capability: 80. Current capability: 75.',
  ],
  ['unsupported_quant_gpu', 'vllm', 'RuntimeError: Quantization scheme is not supported for the current GPU. Min capability: 95.'],
  ['unsupported_quant_platform', 'vllm', 'pydantic_core.ValidationError: bitsandbytes quantization is currently not supported in rocm.'],
  [
    'unsupported_dtype',
    'vllm',
    'ValueError: torch.bfloat16 is not supported for quantization method awq. Supported dtypes: [torch.float16]',
  ],
  ['unsupported_dtype', 'sglang', 'ValueError: torch.float32 is not supported for quantization method fp8. Supported dtypes: []'],
  [
    'unsupported_dtype',
    'vllm',
    'ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your GPU has 7.5. --dtype=half.',
  ],
  ['mla_block_size', 'vllm', 'AssertionError: block_size must be 1 for AITER MLA'],
  [
    'unsupported_fp8_gfx90a',
    'vllm',
    "ValueError: type fp8e4nv not supported in this architecture. The supported fp8 dtypes are ('fp8e5',)",
  ],
  ['unsupported_fp8_gfx90a', 'sglang', 'triton.compiler.errors.CompilationError: type fp8e4b8 not supported in this architecture'],
  ['unsupported_model_arch', 'vllm', "ValueError: Model architecture 'NewForCausalLM' is not supported by ROCm for now."],
  ['unsupported_model_arch', 'vllm', 'ValueError: Model architecture OldForCausalLM is not supported in-tree anymore. Please install'],
  ['unsupported_model_arch', 'sglang', "ValueError: Model architectures ['NewForCausalLM'] are not supported for now. Supported arch"],
  ['unsupported_model_arch', 'vllm', 'ValueError: type `new` but Transformers does not recognize this architecture. This could be'],
  [
    'unsupported_model_arch',
    'llamacpp',
    "llama_model_load: error loading model: error loading model architecture: unknown model architecture: 'new'",
  ],
  ['unsupported_attention', 'vllm', 'ValueError: No valid attention backend found for rocm with AttentionSelectorConfig(head_size=80)'],
  ['unsupported_attention', 'vllm', 'Some attention backends are not valid for rocm with AttentionSelectorConfig(head_size=80). Reasons'],
  ['unsupported_gpu_arch', 'vllm', 'RuntimeError: HIP error: invalid device function'],
  ['unsupported_gpu_arch', 'sglang', 'RuntimeError: HIP error: no kernel image is available for execution on the device'],
  [
    'triton_shared_memory',
    'vllm',
    'triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 81920, Hardware limit: 65536.',
  ],
  [
    'triton_shared_memory',
    'sglang',
    'triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 98304, Hardware limit: 65536.',
  ],
  // memory
  [
    'oom_startup_other_process',
    'vllm',
    'ValueError: Free memory on device cuda:0 (20.1/191.7 GiB) on startup is less than desired GPU memory utilization (0.92, 176.4 GiB).',
  ],
  [
    'oom_startup_other_process',
    'vllm',
    "ValueError: Free memory on device cuda:0 (20.1/191.7 GiB) on startup is less than the engine's budget after excluding external",
  ],
  ['oom_weights', 'vllm', 'Failed to load model - not enough GPU memory. Try lowering --gpu-memory-utilization to free memory for weights'],
  ['oom_no_kv', 'vllm', 'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`'],
  [
    'oom_no_kv',
    'sglang',
    'RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=0.62',
  ],
  [
    'oom_kv_len',
    'vllm',
    "ValueError: To serve at least one request with the model's max seq len (131072), (40.0 GiB KV cache is needed, which is larger than the available KV cache memory (0.1 GiB). Try increasing `gpu_memory_utilization`",
  ],
  ['oom_kv_autofit', 'vllm', 'ValueError: Cannot auto-fit max_model_len: not enough GPU memory available to serve even a single token.'],
  ['oom_runtime', 'vllm', 'torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB.'],
  ['oom_runtime', 'sglang', 'torch.OutOfMemoryError: HIP out of memory. Tried to allocate 7.00 GiB. GPU 3 has a total capacity of'],
  ['oom_graph_capture', 'sglang', 'Exception: Capture cuda graph failed: HIP out of memory. Tried to allocate 514.00 MiB.'],
  [
    'oom_host',
    'sglang',
    'RuntimeError: Rank 3 scheduler died during initialization (exit code: -9). If exit code is -9 (SIGKILL), a common cause is the OS OOM killer.',
  ],
  ['oom_host', 'llamacpp', 'InsufficientMemoryError: A context size of 131072 is too large for the available VRAM'],
  // hardware and hangs
  ['gpu_fault', 'vllm', 'Memory access fault by GPU node-2 (Agent handle: 0x55) on address 0x7f. Reason: Unknown.'],
  ['gpu_fault', 'sglang', 'Memory access fault by GPU node-9 (Agent handle: 0x61) on address 0x7e. Reason: Page not present.'],
  ['collective_hang', 'vllm', '[rank3]:[E] [PG 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3, OpType=ALLREDUCE)'],
  ['collective_hang', 'sglang', '[rank1]:[E] [PG 2] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9, OpType=ALLGATHER)'],
  ['collective_hang', 'vllm', 'INFO [shm_broadcast.py:681] No available shared memory broadcast block found in 60 seconds. This typically'],
  ['startup_timeout', 'vllm', 'TimeoutError: Timed out waiting for engine core processes to start. This is often caused by slow weight'],
  ['forward_watchdog', 'sglang', '[2026-01-02 03:04:05 TP0] Scheduler watchdog timeout (self.watchdog_timeout=300, self.soft=False)'],
]

const KV_LEN =
  "ValueError: To serve at least one request with the model's max seq len (131072), (40.0 GiB KV cache is needed, which is larger than the available KV cache memory (12.5 GiB). Based on the available memory, the estimated maximum model length is 40960. Try increasing `gpu_memory_utilization`"
const NCCL = 'INFO 01-02 03:04:05 [pynccl.py:148] vLLM is using nccl==2.26.6'
const SIGQUIT = '[2026-01-02 03:04:05] Received sigquit from a child process. It usually means the child failed.'
const CORE_FAILED = 'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}'

describe('why an engine ended', () => {
  test.each(LINES)('%s (%s): %s', (failure, backend, line) => {
    const found = classify(backend, 'INFO starting', line, '', 'INFO later')
    expect(found).toMatchObject({ failure, lastLine: line })
    expect(found.hint).not.toMatch(/\$\d|^$/)
  })

  test('the length that would fit is read from the message, as words and as a number', () => {
    expect(classify('vllm', KV_LEN)).toMatchObject({
      failure: 'oom_kv_len',
      hint: expect.stringContaining('40960 or less'),
      facts: { maxContext: 40_960 },
    })
    expect(classify('vllm', KV_LEN.replace(/Based.*40960\. /, ''))).toMatchObject({ failure: 'oom_kv_len', facts: {} })
  })

  test.each<[Backend, string]>([
    [
      'vllm',
      '  Value error, User-specified max_model_len (9000) is greater than the derived max_model_len (max_position_embeddings=2048.0 or model_max_length=None in',
    ],
    ['sglang', 'ValueError: Warning: User-specified context_length (9000) is greater than the derived context_length (2048). This may'],
    ['llamacpp', 'error: --context 9000 is longer than the 2048 tokens this model was trained for'],
  ])('so is the context that a model was trained for (%s)', (backend, line) => {
    expect(classify(backend, line)).toMatchObject({
      failure: 'context_too_long',
      hint: expect.stringContaining('2048 or less'),
      facts: { maxContext: 2048 },
    })
  })

  test('a hint names the flags of the engine that ended', () => {
    const line = 'torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB.'
    expect(classify('vllm', line).hint).toContain('gpu-memory-utilization')
    expect(classify('sglang', line).hint).toContain('mem-fraction-static')
  })

  test.each<[Backend, string]>([
    ['vllm', CORE_FAILED],
    ['vllm', 'Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.'],
    ['vllm', 'ERROR 01-02 03:04:05 [core.py:1510] EngineCore failed to start.'],
    ['vllm', 'RuntimeError: Frontend process failed during engine core initialization. See root cause above. Failed frontend proc(s): {}'],
    ['sglang', SIGQUIT],
    ['sglang', 'RuntimeError: Rank 0 scheduler died during initialization (exit code: 1). If exit code is -9 (SIGKILL), a common cause'],
    ['vllm', "resource_tracker: There appear to be 1 leaked shared_memory objects to clean up at shutdown: {'/psm_1'}"],
  ])('an envelope is never the cause: it is looked for above (%s: %s)', (backend, envelope) => {
    const cause = 'torch.OutOfMemoryError: HIP out of memory. Tried to allocate 1.00 GiB.'
    expect(classify(backend, cause, 'Traceback (most recent call last):', envelope)).toMatchObject({
      failure: 'oom_runtime',
      lastLine: cause,
    })
    const unknown = classify(backend, 'ValueError: something new', envelope, '')
    expect(unknown).toMatchObject({ failure: 'unknown', lastLine: 'ValueError: something new' })
  })

  test('the more specific class wins, wherever its line stands', () => {
    const oom = 'torch.OutOfMemoryError: HIP out of memory.'
    const fp8 = 'ValueError: type fp8e4nv not supported in this architecture'
    const weak = 'INFO No available shared memory broadcast block found in 60 seconds. This typically happens'
    const attention = 'DEBUG Some attention backends are not valid for rocm with AttentionSelectorConfig(head_size=128)'
    expect(classify('vllm', fp8, oom).failure).toBe('unsupported_fp8_gfx90a')
    for (const noise of [weak, attention]) {
      expect(classify('vllm', noise, oom).failure).toBe('oom_runtime')
      expect(classify('vllm', oom, noise).failure).toBe('oom_runtime')
    }
    expect(classify('sglang', oom, 'RuntimeError: Rank 1 scheduler died during initialization (exit code: -9).').failure).toBe(
      'oom_runtime',
    )
  })

  test('a class of one engine says nothing about another', () => {
    expect(classify('llamacpp', 'No available memory for the cache blocks').failure).toBe('unknown')
    expect(classify('vllm', 'Capture cuda graph failed: 1').failure).toBe('unknown')
  })

  test.each([
    "INFO non-default args: {'model_tag': '/hub/m', 'block_size': 1, 'attention_backend': 'ROCM_AITER_MLA'}",
    'INFO Port 8000 is already in use, trying port 8001',
    '[2026-01-02 03:04:05] Scheduler watchdog timeout (self.watchdog_timeout=60, self.soft=True)',
    'INFO 12 minor page faults',
  ])('a line of a healthy start is no failure: %s', (line) => {
    for (const backend of ['vllm', 'sglang'] as const) expect(classify(backend, line)).toMatchObject({ failure: 'unknown', lastLine: line })
  })
})

describe('an engine that stands still', () => {
  test.each([
    { code: null, signal: null },
    { code: null, signal: 'SIGTERM', stalled: true },
  ])('after its first word of the collectives has a silent hang: %j', (end) => {
    const found = classifyEnd('vllm', { ...end, logTail: ['INFO starting', NCCL, ''] })
    expect(found).toMatchObject({ failure: 'collective_hang_silent', lastLine: NCCL, hint: expect.stringContaining('NCCL_P2P_DISABLE') })
  })

  test('has none when it went on from there, or ended by itself', () => {
    expect(classifyEnd('vllm', { code: null, signal: null, logTail: [NCCL, 'INFO Loading weights'] }).failure).toBe('unknown')
    expect(classify('vllm', 'INFO starting', NCCL).failure).toBe('unknown')
  })

  test('is not said to be killed by the signal that we ended it with', () => {
    const found = classifyEnd('vllm', { code: null, signal: 'SIGKILL', stalled: true, logTail: ['INFO Loading weights'] })
    expect(found).toMatchObject({ failure: 'unknown', hint: expect.stringContaining('stood still') })
  })
})

describe('an engine whose log says nothing known', () => {
  test.each([
    [{ code: null, signal: 'SIGKILL' }, 'killed', 'memory'],
    [{ code: 137, signal: null }, 'killed', 'memory'],
    [{ code: null, signal: 'SIGSEGV' }, 'crashed', 'crashed'],
    [{ code: 135, signal: null }, 'crashed', '/dev/shm'],
    [{ code: 143, signal: null }, 'terminated', 'end'],
    [{ code: null, signal: 'SIGUSR1' }, 'unknown', 'signal SIGUSR1'],
    [{ code: 3, signal: null }, 'unknown', 'exit code 3'],
    [{ code: 0, signal: null }, 'unknown', 'exit code 0'],
    [{ code: null, signal: null }, 'unknown', 'nobody saw'],
  ])('is judged by its end: %j is %s', (how, failure, said) => {
    const found = classifyEnd('vllm', { ...how, logTail: ['one', 'the last words', '', '  '] })
    expect(found).toMatchObject({ failure, lastLine: 'the last words', hint: expect.stringContaining(said), facts: {} })
  })

  test.each<[Backend, string, string]>([
    ['vllm', 'ERROR Worker proc VllmWorker-1 died unexpectedly (exit code: -9), shutting down executor.', 'killed'],
    [
      'vllm',
      "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': -11}",
      'crashed',
    ],
    ['sglang', 'Subprocess scheduler_0 (pid=4711) crashed with exit code -6. Triggering SIGQUIT for cleanup...', 'crashed'],
    ['sglang', 'Subprocess detokenizer (pid=4712) crashed with exit code -9. Triggering SIGQUIT for cleanup...', 'killed'],
  ])('is judged by the end of its process (%s: %s)', (backend, line, failure) => {
    expect(classify(backend, 'INFO loading', line, CORE_FAILED)).toMatchObject({ failure, lastLine: line })
  })

  test('is not judged by the signal with which SGLang ends itself after an error', () => {
    const logTail = ['Scheduler hit an exception: Traceback (most recent call last):', 'ValueError: something new', '', SIGQUIT]
    const end = { code: null, signal: 'SIGKILL', logTail }
    expect(classifyEnd('sglang', end)).toMatchObject({ failure: 'unknown', lastLine: 'ValueError: something new' })
  })

  test('has a bad flag when it ended with 2 and its parser says any error, and else has not', () => {
    const logTail = ['usage: vllm serve [model_tag] [options]', 'vllm serve: error: something that nobody has seen yet']
    expect(classifyEnd('vllm', { code: 2, signal: null, logTail }).failure).toBe('bad_flag')
    expect(classifyEnd('vllm', { code: 1, signal: null, logTail }).failure).toBe('unknown')
    expect(classifyEnd('vllm', { code: 2, signal: null, logTail: ['Killed'] }).failure).toBe('unknown')
  })

  test('may have no log at all', () => {
    expect(classifyEnd('llamacpp', { code: 1, signal: null, logTail: [] })).toMatchObject({ failure: 'unknown', lastLine: '' })
  })
})

describe('any log', () => {
  const word = fc.stringMatching(/^[a-m]{1,12}$/)
  const sentence = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => words.join(' '))
  const backend = fc.constantFrom<Backend>('vllm', 'sglang', 'llamacpp', 'custom')

  test('without a known line stays unknown, with its last line', () => {
    fc.assert(
      fc.property(
        backend,
        fc.array(sentence, { minLength: 1, maxLength: 30 }),
        fc.array(fc.constantFrom('', '  ')),
        (engine, log, blank) => {
          expect(classify(engine, ...log, ...blank)).toMatchObject({ failure: 'unknown', lastLine: log.at(-1), facts: {} })
        },
      ),
    )
  })

  test('with a known line anywhere among others has its class', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LINES), fc.array(sentence), fc.array(sentence), ([failure, engine, line], before, after) => {
        expect(classify(engine, ...before, line, ...after)).toMatchObject({ failure, lastLine: line })
      }),
    )
  })

  // Each is the beginning of a pattern over and over: what makes a backtracking search slow.
  test.each([
    'ProcessGroupNCCL',
    'Free memory on device ',
    "Model architecture '",
    'architectures [',
    'block_size Error: ',
    "To serve at least one request with the model's max seq len ",
    'GPU ',
    '/dev/kfd ',
    'watchdog timeout (',
    'Failed core proc(s): {',
    'a',
  ])('with a line of a megabyte of %j is judged at once', (part) => {
    const line = part.repeat(Math.ceil(1_000_000 / part.length))
    const began = performance.now()
    const found = classifyEnd('vllm', { code: 1, signal: null, logTail: Array.from({ length: 20 }, () => line) })
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(found.lastLine.length).toBeLessThan(3_000)
  })

  test('finds what stands at the beginning or the end of a line of a megabyte', () => {
    const filling = 'x'.repeat(1_000_000)
    expect(classify('vllm', `${KV_LEN} ${filling}`).facts).toEqual({ maxContext: 40_960 })
    expect(classify('vllm', `${filling} HIP out of memory`).failure).toBe('oom_runtime')
  })
})

test('every class of the table has a line in these tests', () => {
  const covered = new Set([...LINES.map(([failure]) => failure), 'collective_hang_silent'])
  expect(FAILURE_CLASSES.map(({ failure }) => failure).filter((failure) => !covered.has(failure))).toEqual([])
})

const PUBLISHED = new URL('../../../shared/data/failure-classes.json', import.meta.url)
type PublishedClass = { cls: string; engine: Backend | 'any'; regex: string }

describe.skipIf(!existsSync(PUBLISHED))('every pattern of the collected data', () => {
  const published = existsSync(PUBLISHED) ? (JSON.parse(readFileSync(PUBLISHED, 'utf8')) as PublishedClass[]) : []
  const lines = [...LINES, ['engine_init_generic', 'vllm', CORE_FAILED], ['collective_hang_silent', 'vllm', NCCL]] as typeof LINES

  test.each(published.map((entry) => [entry.cls, entry.engine, entry] as const))('%s (%s) is recognised', (cls, engine, { regex }) => {
    const backends: Backend[] = engine === 'any' ? ['vllm', 'sglang'] : [engine]
    for (const backend of backends) {
      const examples = lines.filter(([failure, of, line]) => failure === cls && of === backend && new RegExp(regex).test(line))
      expect(examples, `no line of ${backend} is an example of ${cls}`).not.toEqual([])
      for (const [, , line] of examples) {
        const { failure } = classifyEnd(backend, { code: null, signal: null, logTail: [line] })
        expect(failure).toBe(cls === 'engine_init_generic' ? 'unknown' : cls)
      }
    }
  })
})
