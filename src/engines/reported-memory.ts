import type { ReportedMemory } from '../domain/measurement.js'

/** Both engines write GiB, SGLang as "GB" (its `GB` is 1024^3). */
const GIB = 2 ** 30

/** vLLM 0.32: `v1/worker/gpu_worker.py` or `cpu_worker.py` for each worker, and `v1/core/kv_cache_utils.py`. */
const VLLM_BYTES = /Available KV cache memory: (-?[\d.]+) GiB|(?:Explicitly|Auto) set \(([\d.]+)\/[\d.]+\) GiB for KV cache/
const VLLM_TOKENS = /\b(?:GPU|CPU|CUDA|ROCM)(?: \+ host)? KV cache size: ([\d,]+) tokens/

/** SGLang 0.5.23: `mem_cache/memory_pool.py` for each rank and pool, `model_runner_components/kv_pool_runtime.py` when sized after capture. */
const SGLANG_POOL = /(?:^|[\]\s])KV Cache is allocated\..*#tokens: (\d+), (?:K size: ([\d.]+) GB, V size: ([\d.]+) GB|KV size: ([\d.]+) GB)/
const SGLANG_RESIZED = /Post-capture KV sizing: KV cache allocated\..*#tokens: (\d+), KV size: ([\d.]+) GB/

/** Of several workers the one with least, which decides for all. */
export function readVllmMemory(lines: readonly string[]): ReportedMemory | null {
  const gib = matches(lines, VLLM_BYTES).map(([, onGpu, onCpu]) => Number(onGpu ?? onCpu))
  const tokens = matches(lines, VLLM_TOKENS).map(([, count = '']) => Number(count.replaceAll(',', '')))
  return reported(least(gib), tokens.at(-1) ?? null)
}

/** A pool that was sized again after graphs were captured goes before the first one. Pools of single layers carry a label and do not count. */
export function readSglangMemory(lines: readonly string[]): ReportedMemory | null {
  const resized = matches(lines, SGLANG_RESIZED).map(([, tokens, both]) => ({ tokens: Number(tokens), gib: Number(both) }))
  const first = matches(lines, SGLANG_POOL).map(([, tokens, keys, values, both]) => ({
    tokens: Number(tokens),
    gib: both === undefined ? Number(keys) + Number(values) : Number(both),
  }))
  const pools = resized.length > 0 ? resized : first
  return reported(least(pools.map(({ gib }) => gib)), least(pools.map(({ tokens }) => tokens)))
}

function matches(lines: readonly string[], pattern: RegExp): RegExpExecArray[] {
  return lines.map((line) => pattern.exec(line)).filter((match) => match !== null)
}

function least(numbers: number[]): number | null {
  const known = numbers.filter((number) => Number.isFinite(number) && number > 0)
  return known.length === 0 ? null : Math.min(...known)
}

function reported(gib: number | null, kvTokens: number | null): ReportedMemory | null {
  if (gib === null && kvTokens === null) return null
  return { kvBytesPerGpu: gib === null ? null : Math.round(gib * GIB), kvTokens }
}
