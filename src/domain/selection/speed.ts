import { costOf } from '../cost.js'
import type { MemoryFit } from '../memory/fit.js'
import type { Cost } from '../plan.js'
import type { Prediction } from '../prediction.js'
import { bestRun, comparedSpeed, predict, type Compared, type MeasuredRun } from '../prediction/predict.js'
import type { RooflineInput, Workload } from '../prediction/roofline.js'
import type { Recipe } from '../recipe.js'
import type { FitCase } from './fit-gpus.js'
import type { Evidence } from './score.js'

/** How fast and how dear a recipe is on one kind of GPU, and what that is known by. */
export function speedAt(of: FitCase, fit: MemoryFit | null): { speed: Compared | null; cost: Cost | null; evidence: Evidence } {
  const workload = workloadWithin(of.asked, of.recipe, fit)
  const run = runOf(of, workload)
  const speed = comparedSpeed(rooflineInput(of), workload, run)
  const cost = costOf(of.prices, of.kind.card, of.count, speed?.outputTokensPerSecond ?? null)
  return { speed, cost, evidence: run === null ? of.recipe.origin : 'measured' }
}

/** What a plan shows of its speed. */
export function shownSpeed(of: FitCase, fit: MemoryFit | null): Prediction | null {
  const workload = workloadWithin(of.asked, of.recipe, fit)
  return predict(rooflineInput(of), workload, runOf(of, workload))
}

function runOf({ recipe, kind, measurement }: FitCase, workload: Workload): MeasuredRun | null {
  return kind.parts > 1 ? null : bestRun(kind.card, recipe.benchmarks, measurement, workload)
}

/** No more requests at the same time than the memory holds and the engine takes. */
function workloadWithin({ concurrency, promptTokens }: Workload, { settings, parallel }: Recipe, fit: MemoryFit | null): Workload {
  const tokens = fit === null ? Number.POSITIVE_INFINITY : fit.maxConcurrency * fit.context
  const held = Math.max(1, Math.floor(tokens / promptTokens))
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
