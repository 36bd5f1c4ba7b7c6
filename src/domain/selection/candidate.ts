import type { MemoryFit } from '../memory/fit.js'
import type { Candidate, Change } from '../plan.js'
import type { Requirements } from '../requirements.js'
import { changesFrom, changesFromRequest, type Placed } from './changes.js'
import { fitGpus, givenFit } from './fit-gpus.js'
import type { Lookups } from './lookups.js'
import type { OnGpus, Option } from './options.js'
import { takeGpus } from './place.js'
import { round, roundedCost, roundedParts, roundedPrediction, wholeBytes } from './rounding.js'
import { partsOf, type Yardstick } from './score.js'
import { shownSpeed } from './speed.js'
import { why } from './why.js'

/** What a plan measures its candidates by: `best` points count as 100. */
export type Standard = { against: Yardstick; best: number }

/** An option on one node, as a plan keeps it. `first` is the first choice; null: this is it, or there is none. */
export function candidateOf(
  option: Option,
  spot: { node: number; cached: boolean },
  lookups: Lookups,
  { against, best }: Standard,
  first: Candidate | null,
): Candidate {
  const { recipe, weights, on, cost } = option
  const { requirements } = lookups.input
  const { cached } = spot
  const node = lookups.inventory.nodes[spot.node]
  const fit = on && fitOf(on)
  const shown = on && shownSpeed(on.fitCase, fit)
  const given = on && fit && givenFit(on.fitCase, fit)
  const context = given?.context ?? requirements.context ?? recipe.context
  const parts = partsOf({ ...option, cached }, against)
  const sum = Object.values(parts).reduce((total, part) => total + part, 0)
  const placed = {
    recipe: recipe.id,
    origin: recipe.origin,
    model: weights.repo,
    precision: recipe.precision ?? weights.variant?.precision ?? null,
    backend: recipe.backend,
    version: recipe.version,
    node: node?.nodeId ?? '',
    ...(node?.simulated === true && ({ simulated: true } as const)),
    ...(on === null ? { gpus: [], linked: null } : takeGpus(on.need, on.site.kind, spot.node)),
    card: on?.site.kind.card ?? null,
    parallel: recipe.parallel,
    settings: recipe.settings,
    format: recipe.format,
    ...(weights.modelFile !== undefined && { modelFile: weights.modelFile }),
    weightBytes: weights.bytes,
    cached,
    ...(context !== undefined && { context }),
    contextFrom: contextFrom(requirements.context, recipe.context, context),
    args: recipe.args,
    env: recipe.env,
    ...(recipe.command !== undefined && { command: recipe.command }),
    ...(recipe.image !== undefined && { image: recipe.image }),
    fit: given && wholeBytes(given),
    prediction: shown && roundedPrediction(shown),
    cost: cost && roundedCost(cost),
    score: { total: round(Math.min(100, (100 * sum) / best), 1), parts: roundedParts(parts) },
  }
  return { ...placed, why: why(placed, option.evidence), changes: changesOf(option, placed, first, requirements) }
}

/** What gives something up is never without a change: its settings at least are others than those that were asked for. */
function changesOf({ gaveUp }: Option, placed: Placed, first: Candidate | null, requirements: Requirements): Change[] {
  const changes = first === null ? changesFromRequest(gaveUp, placed, requirements) : changesFrom(first, placed)
  return gaveUp.length > 0 && changes.length === 0 ? ['settings'] : changes
}

/** Computed again for the few options that a plan shows. */
function fitOf({ fitCase }: OnGpus): MemoryFit | null {
  const fitted = fitGpus(fitCase)
  return 'fit' in fitted ? fitted.fit : null
}

function contextFrom(asked: number | undefined, written: number | undefined, given: number | undefined): Candidate['contextFrom'] {
  if (given === undefined) return null
  if (asked !== undefined) return 'request'
  return written === undefined ? 'fit' : 'recipe'
}
