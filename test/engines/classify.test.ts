import { describe, expect, test } from 'vitest'
import type { Backend } from '../../src/domain/engine.js'
import { engines } from '../../src/engines/index.js'
import { FAILURE_CLASSES } from '../../src/engines/failure-classes.js'

const classify = (backend: Backend, ...logTail: string[]) => engines[backend].classify({ code: 1, signal: null, logTail })

/** Lines in the form in which the engines print them, with other numbers and paths. */
const LINES: [failure: string, backend: Backend, line: string][] = [
  ['no_gpu', 'vllm', 'RuntimeError: No HIP GPUs are available'],
  ['kfd_permission', 'vllm', 'Unable to open /dev/kfd read-write: Permission denied'],
  ['bad_flag', 'vllm', 'vllm: error: unrecognized arguments: --swap-space 4'],
  ['bad_flag', 'vllm', "vllm: error: argument --block-size: invalid int value: 'x'"],
  ['bad_flag', 'llamacpp', "llamacpp-server: error: Unknown option '--swap'"],
  ['port_in_use', 'vllm', "OSError: [Errno 98] Address already in use: ('127.0.0.1', 8100)"],
  ['port_in_use', 'llamacpp', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:8100'],
  ['missing_weights', 'vllm', 'RuntimeError: Cannot find any model weights with `/hub/snapshots/abc`'],
  ['missing_model', 'vllm', 'OSError: /hub/snapshots/abc does not appear to have a file named config.json.'],
  ['missing_weights', 'llamacpp', '2026-01-01T00:00:00.000Z error: cannot load /hub/snapshots/abc/model.gguf: Failed to load model'],
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
    'unsupported_dtype',
    'vllm',
    'ValueError: torch.bfloat16 is not supported for quantization method awq. Supported dtypes: [torch.float16]',
  ],
  ['mla_block_size', 'vllm', 'AssertionError: block_size must be 1 for AITER MLA'],
  [
    'unsupported_fp8_gfx90a',
    'vllm',
    "ValueError: type fp8e4nv not supported in this architecture. The supported fp8 dtypes are ('fp8e5',)",
  ],
  ['unsupported_quant_platform', 'vllm', 'pydantic_core.ValidationError: bitsandbytes quantization is currently not supported in rocm.'],
  [
    'unsupported_model_arch',
    'llamacpp',
    "llama_model_load: error loading model: error loading model architecture: unknown model architecture: 'new'",
  ],
  ['unsupported_attention', 'vllm', 'ValueError: No valid attention backend found for rocm with head size 80'],
  ['unsupported_gpu_arch', 'vllm', 'RuntimeError: HIP error: invalid device function'],
  [
    'triton_shared_memory',
    'vllm',
    'triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 81920, Hardware limit: 65536.',
  ],
  [
    'oom_startup_other_process',
    'vllm',
    'ValueError: Free memory on device (20.1/191.7 GiB) on startup is less than desired GPU memory utilization (0.92, 176.4 GiB).',
  ],
  ['oom_weights', 'vllm', 'Failed to load model - not enough GPU memory. Try lowering --gpu-memory-utilization'],
  ['oom_no_kv', 'vllm', 'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`'],
  ['oom_kv_autofit', 'vllm', 'ValueError: Cannot auto-fit max_model_len: not enough GPU memory'],
  ['oom_runtime', 'vllm', 'torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB.'],
  ['oom_host', 'llamacpp', 'InsufficientMemoryError: A context size of 131072 is too large for the available VRAM'],
  ['gpu_fault', 'vllm', 'Memory access fault by GPU node-2 (Agent handle: 0x55) on address 0x7f. Reason: Unknown.'],
  ['collective_hang', 'vllm', '[rank3]:[E] [PG 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3, OpType=ALLREDUCE)'],
  ['startup_timeout', 'vllm', 'TimeoutError: Timed out waiting for engine core processes to start.'],
  ['program_missing', 'vllm', 'aim: cannot start /opt/vllm/bin/vllm: ENOENT'],
  ['program_missing', 'llamacpp', "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'node-llama-cpp' imported from /aim/main.js"],
]

describe('why an engine ended', () => {
  test.each(LINES)('%s (%s): %s', (failure, backend, line) => {
    const found = classify(backend, 'INFO starting', line, '', 'INFO later')
    expect(found).toMatchObject({ failure, lastLine: line })
    expect(found.hint).not.toBe('')
  })

  test('the length that would fit is read from the message', () => {
    const line =
      "ValueError: To serve at least one request with the model's max seq len (131072), (40.0 GiB KV cache is needed, which is larger than the available KV cache memory (12.5 GiB). Based on the available memory, the estimated maximum model length is 40960."
    expect(classify('vllm', line)).toMatchObject({ failure: 'oom_kv_len', hint: expect.stringContaining('40960') })
  })

  test('so is the context that a model was trained for', () => {
    const vllm =
      'ValueError: User-specified max_model_len (9000) is greater than the derived max_model_len (max_position_embeddings=2048.0)'
    expect(classify('vllm', vllm)).toMatchObject({ failure: 'context_too_long', hint: expect.stringContaining('2048 or less') })
    const ours = 'error: --context 9000 is longer than the 2048 tokens this model was trained for'
    expect(classify('llamacpp', ours)).toMatchObject({ failure: 'context_too_long', hint: expect.stringContaining('2048 or less') })
  })

  test('an envelope is never the cause: it is looked for above', () => {
    const envelope = 'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}'
    const cause = 'torch.OutOfMemoryError: HIP out of memory. Tried to allocate 1.00 GiB.'
    expect(classify('vllm', cause, 'Traceback (most recent call last):', envelope)).toMatchObject({
      failure: 'oom_runtime',
      lastLine: cause,
    })
    expect(classify('vllm', 'ValueError: something new', envelope, '')).toMatchObject({
      failure: 'unknown',
      lastLine: 'ValueError: something new',
    })
  })

  test('the more specific class wins, wherever its line stands', () => {
    const specific = 'ValueError: type fp8e4nv not supported in this architecture'
    expect(classify('vllm', specific, 'torch.OutOfMemoryError: HIP out of memory.').failure).toBe('unsupported_fp8_gfx90a')
  })

  test('a class of one engine says nothing about another', () => {
    expect(classify('llamacpp', 'No available memory for the cache blocks').failure).toBe('unknown')
  })

  test.each([
    [{ code: null, signal: 'SIGKILL' }, 'killed', 'memory'],
    [{ code: 137, signal: null }, 'killed', 'memory'],
    [{ code: null, signal: 'SIGSEGV' }, 'crashed', 'crashed'],
    [{ code: null, signal: 'SIGUSR1' }, 'unknown', 'signal SIGUSR1'],
    [{ code: 3, signal: null }, 'unknown', 'exit code 3'],
    [{ code: 0, signal: null }, 'unknown', 'exit code 0'],
    [{ code: null, signal: null }, 'unknown', 'nobody saw'],
  ])('without a known line, %j is %s', (how, failure, said) => {
    const found = engines.vllm.classify({ ...how, logTail: ['one', 'the last words', '', '  '] })
    expect(found).toMatchObject({ failure, lastLine: 'the last words', hint: expect.stringContaining(said) })
  })

  test('an empty log is no error', () => {
    expect(engines.llamacpp.classify({ code: 1, signal: null, logTail: [] })).toMatchObject({ failure: 'unknown', lastLine: '' })
  })

  test('every class of the table has a line in these tests', () => {
    const covered = new Set([...LINES.map(([failure]) => failure), 'oom_kv_len'])
    expect(FAILURE_CLASSES.map(({ failure }) => failure).filter((failure) => !covered.has(failure))).toEqual([])
  })
})
