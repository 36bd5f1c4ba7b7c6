import type { Cost } from '../plan.js'
import type { Compared } from '../prediction/predict.js'
import type { Objective, Recipe } from '../recipe.js'

/** How far a figure can be trusted. What was measured or published is as it is. */
const TRUST = { measured: 1, outdone: 1, published: 1, user: 1, untuned: 0.85, derived: 0.85, generic: 0.7 } as const
/**
 * Evidence that a recipe works: a measured run on this card, settings published for it (or the user's own) or a measured run that others outdo by
 * far, our rule, no model at all.
 */
const TIER = { measured: 3, outdone: 2, published: 2, user: 2, untuned: 1, derived: 1, generic: 0 } as const
export type Evidence = keyof typeof TIER

/** Tokens per second of one request that read as fluent; faster than that is no gain for `balanced`. */
const FLUENT = 30

/** What a placement is worth for the objective, larger is better; comparable inside a plan only. 0 when its speed is not known. */
export function meritOf(
  { speed, gpuCount, cost, evidence }: { speed: Compared | null; gpuCount: number; cost: Cost | null; evidence: Evidence },
  objective: Objective,
): number {
  if (speed === null || gpuCount === 0) return 0
  const each = speed.outputTokensPerSecond / gpuCount
  if (objective === 'balanced') return each * Math.min(1, speed.decodeTokensPerSecond / FLUENT)
  if (objective === 'latency') return speed.decodeTokensPerSecond * TRUST[evidence]
  if (objective === 'throughput') return speed.outputTokensPerSecond * TRUST[evidence]
  const price = cost?.perMillionTokens ?? null
  return TRUST[evidence] * (price === null ? each : 1 / price)
}

/** What is scored, and against what: merit (`unpriced`: of those without a price, which has another unit) and TTFT of the best that meets the requirements. */
export type Scored = {
  recipe: Recipe
  gpuCount: number
  evidence: Evidence
  merit: number
  cost: Cost | null
  ttftMs: number
  cached: boolean
  linked: boolean | null
}
export type Yardstick = { objective: Objective; merit: number; unpriced: number; ttftMs: number }

type Part = { name: string; most: (objective: Objective) => number; share: (of: Scored, against: Yardstick) => number }

/**
 * Parts of the score: the most points of each, and the share that a placement gets. A GPU comes before a processor always; balanced: more
 * evidence before more merit always; cost: what has a price before all that has none. The small parts decide among equals, in this order; docs/selection.md tells them to users.
 */
const PARTS: readonly Part[] = [
  { name: 'gpu', most: () => 50, share: ({ gpuCount }) => (gpuCount > 0 ? 1 : 0) },
  { name: 'price', most: (objective) => (objective === 'cost' ? 52 : 0), share: ({ cost }) => (cost === null ? 0 : 1) },
  { name: 'evidence', most: (objective) => (objective === 'balanced' ? 36 : 1), share: ({ evidence }) => TIER[evidence] / 3 },
  {
    name: 'merit',
    most: (objective) => (objective === 'balanced' ? 11 : 46),
    share: (of, best) => ratio(of.merit, isUnpriced(of, best) ? best.unpriced : best.merit),
  },
  { name: 'ttft', most: (objective) => (objective === 'latency' ? 1 : 0), share: ({ ttftMs }, best) => ratio(best.ttftMs, ttftMs) },
  { name: 'dtype', most: () => 1.2, share: ({ recipe }) => (recipe.precision === 'bf16' && recipe.settings.dtype === 'float16' ? 0 : 1) },
  { name: 'cached', most: () => 1, share: ({ cached }) => (cached ? 1 : 0) },
  { name: 'objective', most: () => 0.9, share: ({ recipe }, { objective }) => matches(recipe.objective, objective) },
  { name: 'linked', most: () => 0.6, share: ({ linked, gpuCount }) => (linked === true || gpuCount === 1 ? 1 : 0) },
  { name: 'gpus', most: () => 0.5, share: ({ gpuCount }) => (gpuCount > 0 ? 1 / gpuCount : 0) },
]

/** How to add all parts together: 100 at most for what meets the requirements. What parts can give is looked up once for all options. */
export function summing(against: Yardstick): (of: Scored) => number {
  const parts = PARTS.map(({ most, share }) => ({ most: most(against.objective), share })).filter(({ most }) => most > 0)
  return (of) => {
    let sum = 0
    for (const { most, share } of parts) sum += most * share(of, against)
    return sum
  }
}

/** Points by part, each at most its own: what gives something up may be faster than all that meets the requirements. Parts that cannot count are left out. */
export function partsOf(of: Scored, against: Yardstick): Record<string, number> {
  const counting = PARTS.filter(({ most }) => most(against.objective) > 0)
  return Object.fromEntries(counting.map(({ name, most, share }) => [name, most(against.objective) * Math.min(1, share(of, against))]))
}

/** Cost without a price is compared by tokens per second: in a unit of its own. */
export const isUnpriced = ({ cost }: Pick<Scored, 'cost'>, { objective }: Pick<Yardstick, 'objective'>): boolean =>
  objective === 'cost' && cost === null

/** Nothing is known of what is nothing or endless. */
function ratio(value: number, whole: number): number {
  return whole > 0 && Number.isFinite(value) && Number.isFinite(whole) ? value / whole : 0
}

/** What is cheap is what has throughput. Settings that are made for nothing in particular are between right and wrong. */
function matches(made: Recipe['objective'], objective: Objective): number {
  const wanted = objective === 'cost' ? 'throughput' : objective
  if (made === wanted) return 1
  if (made !== null && made !== 'balanced') return 0
  return wanted === 'balanced' ? 1 : 0.5
}
