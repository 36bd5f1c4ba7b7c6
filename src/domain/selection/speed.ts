import { costOf } from '../cost.js'
import type { MemoryFit } from '../memory/fit.js'
import { kvBytesOfSequence, kvParallelism } from '../memory/kv.js'
import type { Cost } from '../plan.js'
import type { Prediction } from '../prediction.js'
import { bestRun, comparedSpeed, predict, type Compared, type MeasuredRun } from '../prediction/predict.js'
import type { RooflineInput, Workload } from '../prediction/roofline.js'
import type { FitCase } from './fit-gpus.js'
import type { Evidence } from './score.js'

/** How fast and how dear a recipe is on one kind of GPU, and what that is known by. */
export function speedAt(of: FitCase, fit: MemoryFit | null): { speed: Compared | null; cost: Cost | null; evidence: Evidence } {
  const workload = workloadWithin(of, fit)
  const run = runOf(of, workload)
  const speed = comparedSpeed(rooflineInput(of), workload, run)
  const cost = costOf(of.prices, of.kind.card, of.count, speed?.outputTokensPerSecond ?? null)
  return { speed, cost, evidence: run === null ? of.recipe.origin : 'measured' }
}

/** A run says little of a workload with more than four times, or less than a quarter, of its requests. */
const NEAR = 4

/** How far the prediction is off where the recipe was measured; null: it was not, or nothing can be predicted. */
export function errorAt(of: FitCase, fit: MemoryFit | null): number | null {
  return shownSpeed(of, fit)?.error ?? null
}

/** What a plan shows of its speed. */
export function shownSpeed(of: FitCase, fit: MemoryFit | null): Prediction | null {
  const workload = workloadWithin(of, fit)
  return predict(rooflineInput(of), workload, runOf(of, workload))
}

function runOf({ recipe, kind }: FitCase, workload: Workload): MeasuredRun | null {
  if (kind.parts > 1) return null
  const isNear = (run: { concurrency: number }) =>
    Math.max(run.concurrency, workload.concurrency) <= NEAR * Math.min(run.concurrency, workload.concurrency)
  return bestRun(kind.card, recipe.benchmarks.filter(isNear), workload)
}

/** No more requests at the same time than the memory holds, each with its prompt, and the engine takes. */
function workloadWithin({ asked: { concurrency, promptTokens }, recipe, spread }: FitCase, fit: MemoryFit | null): Workload {
  const { settings, parallel, backend } = recipe
  const each = spread && kvBytesOfSequence(spread.shape, kvParallelism(backend, parallel), settings.kvDtype === 'fp8' ? 1 : 2, promptTokens)
  const held = fit === null || each === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(fit.kvBytes / each) * parallel.data)
  const taken = (settings.maxSequences ?? Number.POSITIVE_INFINITY) * parallel.data
  return { promptTokens, concurrency: Math.min(concurrency, held, taken) }
}

function rooflineInput({ recipe, weights, spread, kind }: FitCase): RooflineInput | null {
  const precision = recipe.precision ?? weights.variant?.precision
  if (spread === null || precision === undefined) return null
  const { shape } = spread
  const kvBytesPerElement = recipe.settings.kvDtype === 'fp8' ? 1 : 2
  const { facts: card, parts } = kind
  return { shape, variant: { weightBytes: weights.bytes, precision }, card, share: 1 / parts, parallel: recipe.parallel, kvBytesPerElement }
}
