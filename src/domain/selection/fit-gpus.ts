import type { Measurement } from '../measurement.js'
import { fitSpread, type FitOn } from '../memory/fit-memory.js'
import { fitProblem } from '../memory/fit-problem.js'
import type { MemoryFit } from '../memory/fit.js'
import { gib } from '../memory/sizes.js'
import type { Spread } from '../memory/spread.js'
import type { Workload } from '../prediction/roofline.js'
import type { Recipe } from '../recipe.js'
import type { Kind } from './inventory.js'
import type { KindCase } from './kind-rules.js'
import { LONGEST_CONTEXT, neededContext } from './need.js'
import type { GivenUp } from './recipe-rules.js'
import { gpus } from './text.js'
import { MEMORY_FACTOR, type Weights } from './weights.js'

/** A context shorter than this serves nobody: rather nothing than that. */
const LEAST_CONTEXT = 1_024
/** Contexts that nobody asked for are rounded down to whole multiples. */
const CONTEXT_STEP = 1_024
/** Share of the whole memory that vLLM 0.32 takes where nobody says one. */
export const VLLM_SHARE = 0.92

/** `spread` is null when too little is known of the model; `asked` is what speed is compared for. */
export type FitCase = KindCase & { spread: Spread | null; measurement: Measurement | null; asked: Workload }

/** `freeBytes` must be free on each GPU; `fit` is null when the shape is not known. `gaveUp`: what had to be cut to make it fit. */
export type GpuFit = { fit: MemoryFit | null; freeBytes: number; gaveUp: GivenUp[] }

/** Fits weights, context and concurrency into GPUs of one kind, or says why not with value and limit. Words are made when they are told. */
export function fitGpus(of: FitCase): GpuFit | { problem: () => string } {
  const { recipe, weights, spread, requirements } = of
  if (spread === null) return fitByFactor(recipe, weights, of.kind, of.count)
  const { maxContext } = spread.shape
  const full = fitSpread(spread, fitOn(of, neededContext(recipe, requirements, maxContext)))
  if (full.context <= full.maxContext) return withConcurrency(of, full, [])
  const problem = () => fitProblem(full) ?? `a context of ${full.context} tokens does not fit`
  const context = roundDown(full.maxContext, maxContext)
  if (full.kvBytes <= 0 || context < LEAST_CONTEXT) return { problem }
  const words = () => `a context of ${context} instead of ${full.context} tokens`
  return withConcurrency(of, fitSpread(spread, fitOn(of, context)), [
    { what: 'context', kept: context / full.context, words, reason: problem },
  ])
}

/** What a recipe takes on GPUs of that size. */
export type KnownFit = { totalBytes: number; fitted: ReturnType<typeof fitGpus> }

/** Cards with as much memory fit a recipe alike: computed once (`known`, of this recipe), unless one of them was measured. */
export function fitOnce(of: FitCase, known: KnownFit[]): ReturnType<typeof fitGpus> {
  if (of.measurement !== null || of.spread === null) return fitGpus(of)
  const { totalBytes } = of.kind
  for (const same of known) if (same.totalBytes === totalBytes) return same.fitted
  const fitted = fitGpus(of)
  known.push({ totalBytes, fitted })
  return fitted
}

function withConcurrency({ recipe, requirements: { concurrency } }: FitCase, fit: MemoryFit, gaveUp: GivenUp[]): GpuFit {
  const most = Math.min(fit.maxConcurrency, (recipe.settings.maxSequences ?? Number.POSITIVE_INFINITY) * recipe.parallel.data)
  if (concurrency !== undefined && most < concurrency) {
    const words = () => `${most} instead of ${concurrency} requests of ${fit.context} tokens at the same time`
    gaveUp.push({ what: 'concurrency', kept: most / concurrency, words, reason: () => `holds ${words()}` })
  }
  return { fit, freeBytes: freeBytes(recipe, fit, concurrency ?? 1), gaveUp }
}

/**
 * The fit with the context that the engine is given: what was asked for or the recipe says, else as much as fits beside the concurrency that
 * was asked for, up to `LONGEST_CONTEXT`. Backends that would take memory that somebody else holds get no more than must fit.
 */
export function givenFit(of: FitCase, fit: MemoryFit): MemoryFit {
  const { recipe, spread, requirements } = of
  if (spread === null || (requirements.context ?? recipe.context) !== undefined || !ownsItsShare(recipe)) return fit
  const each = requirements.concurrency ?? 1
  const beside = each === 1 ? fit.maxContext : Math.floor((fit.maxConcurrency * fit.context) / each)
  const most = Math.min(spread.shape.maxContext, LONGEST_CONTEXT)
  return fitSpread(spread, fitOn(of, Math.max(fit.context, roundDown(Math.min(fit.maxContext, beside, most), most))))
}

/** vLLM and SGLang take a share of the whole GPU, whatever the model needs of it. */
const ownsItsShare = ({ backend }: Recipe): boolean => backend === 'vllm' || backend === 'sglang'

function freeBytes(recipe: Recipe, fit: MemoryFit, concurrency: number): number {
  if (ownsItsShare(recipe)) return fit.budgetBytes
  const sequences = Math.max(1, Math.min(concurrency, fit.maxConcurrency))
  return Math.max(fit.weightBytes * MEMORY_FACTOR, fit.weightBytes + fit.kvBytesPerSequence * sequences)
}

function fitOn({ recipe: { settings }, kind: { totalBytes }, measurement }: FitCase, context: number): FitOn {
  const kvBytesPerGpu = measurement?.kvBytesPerGpu ?? null
  if (kvBytesPerGpu === null) return { settings, gpuTotalBytes: totalBytes, context }
  return { settings, gpuTotalBytes: totalBytes, context, measured: { kvBytesPerGpu } }
}

/** The last resort: nothing is known of the model but its size. */
function fitByFactor(recipe: Recipe, weights: Weights, kind: Kind, count: number): GpuFit | { problem: () => string } {
  const each = (weights.bytes * MEMORY_FACTOR) / count
  const share = recipe.backend === 'vllm' ? (recipe.settings.memoryFraction ?? VLLM_SHARE) : 1
  const limit = Math.floor(kind.totalBytes * share)
  if (each > limit) return { problem: () => `needs ${gib(each)} on each of ${gpus(count)} of ${kind.card}, ${gib(limit)} may be taken` }
  return { fit: null, freeBytes: recipe.backend === 'vllm' ? limit : each, gaveUp: [] }
}

const roundDown = (context: number, most: number): number => (context >= most ? most : Math.floor(context / CONTEXT_STEP) * CONTEXT_STEP)
