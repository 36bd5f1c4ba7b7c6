import type { Backend, Parallelism } from '../engine.js'
import { MIB } from './sizes.js'
import type { Step } from './step.js'

/** Share of the whole memory that vLLM 0.32 takes (`CacheConfig.gpu_memory_utilization`). */
export const VLLM_FRACTION = 0.92

/** Bytes of the memory of one GPU that the backend may take by its own rule, given a share; null: its own default. */
export function budgetBytes(
  backend: Backend,
  parallel: Parallelism,
  step: Step,
  gpuTotalBytes: number,
  memoryFraction: number | null,
): number {
  if (backend === 'vllm') return Math.ceil(gpuTotalBytes * (memoryFraction ?? VLLM_FRACTION))
  if (backend === 'sglang') return Math.floor(gpuTotalBytes * (memoryFraction ?? sglangFraction(parallel, step, gpuTotalBytes)))
  return Math.floor(gpuTotalBytes * (memoryFraction ?? 1))
}

/**
 * Share for weights and KV cache that SGLang 0.5.23 chooses when nobody says one (`handle_gpu_memory_settings`). Outside stay, in MiB: 512,
 * 1.5 for each token of a step (2048 at least), 128 for each GPU of a replica, and the graphs; above 60 GiB at least 10 GiB.
 */
function sglangFraction({ tensor, pipeline }: Parallelism, step: Step, gpuTotalBytes: number): number {
  const total = gpuTotalBytes / MIB
  const reserved = 512 + 1.5 * Math.max(step.tokens, 2_048) + (tensor * pipeline * 1_024) / 8 + graphBytes(step) / MIB
  const kept = total > 60 * 1_024 ? Math.max(reserved, 10 * 1_024) : reserved
  return Math.max(0, thousandths((total - kept) / total))
}

/** Three digits, a tie to the even one: as SGLang's own `round` does. */
function thousandths(share: number): number {
  const scaled = share * 1_000
  const below = Math.floor(scaled)
  return (scaled - below === 0.5 ? below + (below % 2) : Math.round(scaled)) / 1_000
}

/**
 * Memory of captured graphs: 2 MiB for each sequence of the largest decode batch. This is what SGLang 0.5.23 sets aside
 * (`reserve_for_graph_mb`; prefill graphs are off on ROCm). vLLM measures its graphs at start and has no rule, so the same figure stands in.
 */
export function graphBytes(step: Step): number {
  return 2 * MIB * step.graphBatch
}
