import type { Backend, EngineSettings, Parallelism } from '../engine.js'
import { GIB } from './sizes.js'

/** How much one forward step of an engine may take in: tokens of prompts, and sequences that get a next token. */
export type Step = { tokens: number; sequences: number; graphBatch: number }

/** Row of a table by memory of the GPU: the first whose `below` is more. */
type Row = { below: number; tokens: number; sequences: number; graphBatch: number; wideGraphBatch: number }

/** vLLM 0.32 `EngineArgs.get_batch_defaults` for its API server, `VllmConfig._set_cudagraph_sizes`. */
const VLLM: readonly Row[] = [
  { below: 70 * GIB, tokens: 2_048, sequences: 256, graphBatch: 512, wideGraphBatch: 512 },
  { below: 160 * GIB, tokens: 8_192, sequences: 1_024, graphBatch: 512, wideGraphBatch: 512 },
  { below: Infinity, tokens: 16_384, sequences: 1_024, graphBatch: 512, wideGraphBatch: 512 },
]

/** SGLang 0.5.23 `handle_gpu_memory_settings`: chunked_prefill_size, and the largest decode graph for TP below 4 and from 4 on. */
const SGLANG: readonly Row[] = [
  { below: 20 * GIB, tokens: 2_048, sequences: 8, graphBatch: 8, wideGraphBatch: 8 },
  { below: 35 * GIB, tokens: 4_096, sequences: 48, graphBatch: 48, wideGraphBatch: 160 },
  { below: 60 * GIB, tokens: 4_096, sequences: 32, graphBatch: 32, wideGraphBatch: 160 },
  { below: 160 * GIB, tokens: 8_192, sequences: 256, graphBatch: 256, wideGraphBatch: 512 },
  { below: Infinity, tokens: 16_384, sequences: 512, graphBatch: 512, wideGraphBatch: 512 },
]

/** SGLang 0.5.23 `max_prefill_tokens`: what counts when prompts are not taken in chunks. */
const SGLANG_UNCHUNKED_TOKENS = 16_384

/** One sequence, nothing batched: what nothing is known of. */
const SINGLE: Step = { tokens: 1, sequences: 1, graphBatch: 0 }

/** What the settings ask for, else the backend's own default for a GPU of that size. `context` counts where whole prompts are one step. */
export function stepOf(backend: Backend, settings: EngineSettings, parallel: Parallelism, gpuTotalBytes: number, context: number): Step {
  if (backend === 'llamacpp' || backend === 'custom') return SINGLE
  const row = (backend === 'vllm' ? VLLM : SGLANG).find(({ below }) => gpuTotalBytes < below)
  if (row === undefined) return SINGLE
  const sequences = settings.maxSequences ?? row.sequences
  const unchunked = backend === 'vllm' ? Math.max(context, row.tokens) : SGLANG_UNCHUNKED_TOKENS
  const tokens = settings.maxBatchedTokens ?? (settings.chunkedPrefill === false ? unchunked : row.tokens)
  return { tokens, sequences, graphBatch: settings.graphs === false ? 0 : graphBatch(backend, settings, parallel, row, sequences, tokens) }
}

function graphBatch(
  backend: Backend,
  settings: EngineSettings,
  { tensor }: Parallelism,
  row: Row,
  sequences: number,
  tokens: number,
): number {
  if (settings.graphMaxBatch !== undefined) return settings.graphMaxBatch
  if (backend === 'vllm') return Math.min(row.graphBatch, 2 * sequences, tokens)
  const batch = tensor < 4 ? row.graphBatch : row.wideGraphBatch
  return settings.maxSequences === undefined ? batch : Math.min(batch, settings.maxSequences)
}
