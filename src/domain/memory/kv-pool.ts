import type { Backend, Parallelism } from '../engine.js'
import type { ModelShape } from '../model.js'
import type { KvLayers } from './kv.js'

/**
 * The KV cache as a backend hands it out: blocks of `blockBytes`, of which a sequence takes `full` for each `blockTokens` tokens, and
 * `windowed` for each `blockTokens` of at most `windowTokens`, with `extra` blocks more for each of these.
 */
export type KvPool = {
  blockTokens: number
  blockBytes: number
  full: number
  windowed: number
  windowTokens: number
  extra: number
  /** Blocks that no sequence gets. */
  reserved: number
  /** Share of the pool's tokens that windowed layers have room for (SGLang); null: the blocks are shared. */
  windowShare: number | null
}

/** Tokens of a block on both ROCm and CUDA unless a flag says otherwise. vLLM 0.32 `CacheConfig.DEFAULT_BLOCK_SIZE`. */
const VLLM_BLOCK_TOKENS = 16

/** SGLang 0.5.23 `swa_full_tokens_ratio`: tokens that sliding layers have room for, for each token of the others. */
const SGLANG_WINDOW_SHARE = 0.8

/** Architectures whose windowed layers SGLang 0.5.23 keeps apart (`is_hybrid_swa_model`); in all others they keep every token. */
const SGLANG_HYBRID = new Set([
  'Llama4ForConditionalGeneration',
  'GptOssForCausalLM',
  'GraniteSWAForCausalLM',
  'GraniteMoeSWAForCausalLM',
  'Step3p5ForCausalLM',
  'Gemma4ForCausalLM',
  'Gemma4ForConditionalGeneration',
  'LagunaForCausalLM',
  'MellumForCausalLM',
])

/** The rule of the backend for these layers. `stepTokens` is the most that one forward step takes in. */
export function kvPool(backend: Backend, shape: ModelShape, layers: KvLayers, parallel: Parallelism, stepTokens: number): KvPool {
  if (backend === 'vllm') return vllmPool(layers, parallel, stepTokens)
  return backend === 'sglang' && SGLANG_HYBRID.has(shape.architecture) && layers.windowed > 0 && layers.full > 0
    ? splitPool(layers)
    : plainPool(layers)
}

/**
 * vLLM 0.32: layers of the same kind form groups of equally many layers, and each group takes its own blocks from one pool
 * (`_get_kv_cache_groups_uniform_page_size`). Windowed layers keep their window and what is in flight: two steps at once, or one more than
 * the pipeline has stages (`VllmConfig.max_concurrent_batches`); a sliding window may begin inside a block (`SlidingWindowSpec`), a chunk does
 * not (`ChunkedLocalAttentionSpec`). One block stays empty (`BlockPool.null_block`).
 */
function vllmPool({ bytesPerLayer, full, windowed, window, kind }: KvLayers, parallel: Parallelism, stepTokens: number): KvPool {
  const least = Math.min(full, windowed)
  const most = Math.max(full, windowed)
  const group = least === 0 || most < least * 1.5 ? most : least
  const inFlight = stepTokens * (parallel.pipeline + 1)
  return {
    blockTokens: VLLM_BLOCK_TOKENS,
    blockBytes: group * bytesPerLayer * VLLM_BLOCK_TOKENS,
    full: Math.ceil(full / group),
    windowed: Math.ceil(windowed / group),
    windowTokens: (kind === 'sliding' ? window - 1 : window) + inFlight,
    extra: kind === 'sliding' ? 1 : 0,
    reserved: 1,
    windowShare: null,
  }
}

/** SGLang 0.5.23 `HybridSWAPoolConfigurator`: one pool for the full layers, a smaller one for the windowed. Pages of one token. */
function splitPool({ bytesPerLayer, full, windowed, window }: KvLayers): KvPool {
  const blockBytes = bytesPerLayer * (full + SGLANG_WINDOW_SHARE * windowed)
  return tokenPool(blockBytes, window, SGLANG_WINDOW_SHARE)
}

/** Every layer keeps every token: SGLang `DefaultPoolConfigurator`, llama.cpp, and what nothing is known of. */
function plainPool({ bytesPerLayer, full, windowed }: KvLayers): KvPool {
  return tokenPool(bytesPerLayer * (full + windowed), 0, null)
}

/** Blocks of one token, of which none is kept back. */
function tokenPool(blockBytes: number, windowTokens: number, windowShare: number | null): KvPool {
  return { blockTokens: 1, blockBytes, full: 1, windowed: 0, windowTokens, extra: 0, reserved: 0, windowShare }
}

/** Blocks that a sequence of that many tokens takes. */
export function blocksOfSequence(pool: KvPool, tokens: number): number {
  const { blockTokens, full, windowed, windowTokens, extra, windowShare } = pool
  if (windowShare !== null) return Math.max(tokens, Math.ceil(Math.min(tokens, windowTokens) / windowShare))
  return full * Math.ceil(tokens / blockTokens) + windowed * (Math.ceil(Math.min(tokens, windowTokens) / blockTokens) + extra)
}

/** Whole blocks in that many bytes, those that no sequence gets included. */
export function blocksIn(pool: KvPool, bytes: number): number {
  return Math.max(0, Math.floor(bytes / pool.blockBytes))
}

/** Longest sequence that fits into `bytes`, in whole blocks and at most `limit` tokens; 0: none. */
export function longestSequence(pool: KvPool, bytes: number, limit: number): number {
  const blocks = blocksIn(pool, bytes) - pool.reserved
  if (blocks <= 0) return 0
  if (blocksOfSequence(pool, limit) <= blocks) return limit
  const { blockTokens, full, windowed, windowTokens, extra, windowShare } = pool
  if (windowShare !== null) return blocks >= windowTokens / windowShare ? blocks : Math.floor(blocks * windowShare)
  const beyondWindow =
    full === 0 ? 0 : Math.floor((blocks - windowed * (Math.ceil(windowTokens / blockTokens) + extra)) / full) * blockTokens
  if (beyondWindow >= windowTokens) return beyondWindow
  return Math.max(0, Math.floor((blocks - windowed * extra) / (full + windowed))) * blockTokens
}

/** Sequences of that many tokens that the pool holds at the same time; vLLM counts them like this too (`get_max_concurrency_for_kv_cache_config`). */
export function concurrentSequences(pool: KvPool, bytes: number, tokens: number): number {
  return Math.floor(blocksIn(pool, bytes) / Math.max(1, blocksOfSequence(pool, tokens)))
}

/** Tokens that the pool holds when it is full of sequences of that many: what vLLM logs as its "KV cache size" (`get_kv_cache_capacity`). */
export function tokensIn(pool: KvPool, bytes: number, tokens: number): number {
  return Math.floor((blocksIn(pool, bytes) * tokens) / Math.max(1, blocksOfSequence(pool, tokens)))
}
