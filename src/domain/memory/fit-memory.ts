import type { Backend, EngineSettings, Parallelism } from '../engine.js'
import type { ModelShape, ModelVariant } from '../model.js'
import { activationBytes } from './activations.js'
import { budgetBytes, graphBytes } from './budget.js'
import type { MemoryFit } from './fit.js'
import { blocksOfSequence, concurrentSequences, kvPool, longestSequence } from './kv-pool.js'
import { GIB, MIB } from './sizes.js'
import { spreadOf, type Spread } from './spread.js'
import { stepOf } from './step.js'

/** GPUs of one size, and what is asked of them. */
export type FitOn = {
  settings: EngineSettings
  gpuTotalBytes: number
  /** Tokens of the longest request; absent: as long as fits, at most what the model was trained for. */
  context?: number
  /** What an engine of the very same settings reported on such GPUs. */
  measured?: { kvBytesPerGpu: number }
}

export type FitInput = FitOn & {
  shape: ModelShape
  variant: Pick<ModelVariant, 'weightBytes' | 'precision'>
  backend: Backend
  parallel: Parallelism
}

/** Until calibrated: what a single GPU needs beside weights and KV cache, and what communication between GPUs adds. */
const OVERHEAD_BYTES = 6 * GIB
const COMMUNICATION_BYTES = 2 * GIB

/** Never less than this stays for runtime and fragmentation: what SGLang sets aside for metadata (0.5.23 `handle_gpu_memory_settings`). */
const RUNTIME_BYTES = 512 * MIB

/**
 * Memory of the fullest GPU of a replica and what fits into it, by the rules of the backend; docs/memory-fit.md shows how to read the sum.
 * Does not check that the model can be spread like that: `parallelismProblem` does.
 */
export function fitMemory(input: FitInput): MemoryFit {
  const { shape, variant, backend, parallel, settings } = input
  return fitSpread(spreadOf(shape, variant, backend, parallel, settings.kvDtype === 'fp8' ? 1 : 2), input)
}

/**
 * The same of a model that is spread already, its KV cache in the format of the settings.
 *
 * Beside weights and KV cache go, vLLM: inside its budget, and together at least the start rule of 6 GiB, 8 on several GPUs; the part
 * that activations and graphs do not explain is the reserve. Communication is never granted more than cutting the weights has freed, so that
 * more GPUs never need more each. SGLang: outside its static share; the reserve is what the share leaves.
 */
export function fitSpread(spread: Spread, { settings, gpuTotalBytes, context: asked, measured }: FitOn): MemoryFit {
  const { shape, backend, parallel, layers } = spread
  const offloaded = settings.weightOffloadBytes ?? 0
  const step = stepOf(backend, settings, parallel, gpuTotalBytes, asked ?? shape.maxContext)
  const budget = budgetBytes(backend, parallel, step, gpuTotalBytes, settings.memoryFraction ?? null)
  const weights = Math.max(0, spread.weightBytes - offloaded)
  const known = backend === 'vllm' || backend === 'sglang'
  const activation = known ? Math.ceil(activationBytes(shape, spread.layerWidth, step)) : 0
  const graphs = known ? graphBytes(step) : 0
  const reserve = reserveBytes(backend, activation + graphs, gpuTotalBytes - budget, spread.modelBytes - weights - offloaded)
  const computed = backend === 'vllm' ? budget - weights - activation - graphs - reserve : budget - weights
  // What an engine had left is truer than the formula, but never more than the budget leaves beside the weights.
  const kvBytes = measured === undefined ? computed : Math.min(measured.kvBytesPerGpu, budget - weights)

  const pool = kvPool(backend, shape, layers, parallel, step.tokens)
  const maxContext = longestSequence(pool, kvBytes, shape.maxContext)
  const context = asked ?? (maxContext === 0 ? shape.maxContext : maxContext)
  return {
    basis: measured === undefined ? 'computed' : 'measured',
    totalBytes: gpuTotalBytes,
    budgetBytes: budget,
    weightBytes: weights,
    activationBytes: activation,
    graphBytes: graphs,
    reserveBytes: reserve,
    kvBytes,
    kvBytesPerSequence: blocksOfSequence(pool, context) * pool.blockBytes,
    context,
    maxContext,
    maxConcurrency: context > maxContext ? 0 : concurrentSequences(pool, kvBytes, context) * parallel.data,
  }
}

/** `explained` are activations and graphs, `outside` what the budget leaves of the GPU, `freed` what cutting the weights has freed on it. */
function reserveBytes(backend: Backend, explained: number, outside: number, freed: number): number {
  if (backend === 'sglang') return Math.max(0, outside - explained)
  if (backend !== 'vllm') return 0
  const overhead = OVERHEAD_BYTES + Math.min(COMMUNICATION_BYTES, Math.max(0, freed))
  return Math.max(RUNTIME_BYTES, overhead - explained)
}
