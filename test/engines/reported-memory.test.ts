import { describe, expect, test } from 'vitest'
import { engines } from '../../src/engines/index.js'

const GIB = 2 ** 30

describe('what vLLM says of its KV cache', () => {
  const worker = (gib: string) => `(Worker_TP0 pid=71) INFO 01-02 03:04:05 [gpu_worker.py:760] Available KV cache memory: ${gib} GiB`
  const tokens =
    '(EngineCore pid=70) INFO 01-02 03:04:06 [kv_cache_utils.py:2328] GPU KV cache size: 1,234,560 tokens, Maximum concurrency for 8,192 tokens per request: 150.70x'

  test('is bytes of the worker that has least, and tokens', () => {
    expect(engines.vllm.readMemory(['loading', worker('12.5'), worker('12.25'), tokens, 'Application startup complete.'])).toEqual({
      kvBytesPerGpu: 12.25 * GIB,
      kvTokens: 1_234_560,
    })
  })

  test('is of the machine on a processor', () => {
    const lines = [
      '(Worker pid=71) INFO 01-02 03:04:05 [cpu_worker.py:260] Explicitly set (1.0/15.5) GiB for KV cache on node 0.',
      '(EngineCore pid=70) INFO 01-02 03:04:06 [kv_cache_utils.py:2327] CPU KV cache size: 46,592 tokens, Maximum concurrency for 1,024 tokens per request: 45.50x',
    ]
    expect(engines.vllm.readMemory(lines)).toEqual({ kvBytesPerGpu: GIB, kvTokens: 46_592 })
    expect(engines.vllm.readMemory(lines.slice(1))).toEqual({ kvBytesPerGpu: null, kvTokens: 46_592 })
  })

  test('is nothing when there is none to give', () => {
    expect(engines.vllm.readMemory([])).toBeNull()
    expect(engines.vllm.readMemory([worker('-3.2')])).toBeNull()
  })
})

describe('what SGLang says of its KV cache', () => {
  test('is keys and values together, of the rank that has least', () => {
    const rank = (number: number, k: string) =>
      `[2026-01-02 03:04:05 TP${number}] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 262144, K size: ${k} GB, V size: 8.00 GB`
    expect(engines.sglang.readMemory([rank(0, '8.50'), rank(1, '8.00')])).toEqual({ kvBytesPerGpu: 16 * GIB, kvTokens: 262_144 })
  })

  test('is one figure for a latent cache', () => {
    const line = '[2026-01-02 03:04:05] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 500000, KV size: 32.75 GB'
    expect(engines.sglang.readMemory([line])).toEqual({ kvBytesPerGpu: 32.75 * GIB, kvTokens: 500_000 })
  })

  test('is what it was sized to after graphs were captured, not the bound from before', () => {
    const lines = [
      '[2026-01-02 03:04:05] KV Cache VA upper bound. dtype: torch.bfloat16, #tokens: 900000, K size: 60.00 GB, V size: 60.00 GB',
      '[2026-01-02 03:04:09] Post-capture KV sizing: KV cache allocated. dtype: torch.bfloat16, #tokens: 700000, KV size: 90.50 GB, avail mem=4.20 GB',
      '[2026-01-02 03:04:09] Post-capture KV sizing: draft KV cache allocated. dtype: torch.bfloat16, #tokens: 7000, KV size: 0.50 GB',
    ]
    expect(engines.sglang.readMemory(lines)).toEqual({ kvBytesPerGpu: 90.5 * GIB, kvTokens: 700_000 })
  })

  test('is nothing when there is none to give', () => {
    expect(engines.sglang.readMemory(['The server is fired up and ready to roll!'])).toBeNull()
  })
})

test('the others say nothing', () => {
  expect([engines.llamacpp.readMemory(['x']), engines.custom.readMemory(['x'])]).toEqual([null, null])
})
