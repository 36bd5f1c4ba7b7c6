import type { Backend } from '../engine.js'
import { spreadOf, type Spread } from '../memory/spread.js'
import type { ModelShape } from '../model.js'
import type { Recipe } from '../recipe.js'
import { keeping } from './keeping.js'
import type { Weights } from './weights.js'

/** How a recipe spreads its weights; null: too little is known of the model to say what that takes. */
export type FindSpread = (recipe: Recipe, weights: Weights) => Spread | null

/** Many recipes spread the same weights alike: each way is computed once in a plan. */
export function spreadFinder(shape: ModelShape | null): FindSpread {
  const waysOf = keeping((_: Weights) => keeping((__: Backend) => new Map<number, Spread>()))
  return (recipe, weights) => {
    if (shape === null || (recipe.precision ?? weights.variant?.precision) === undefined) return null
    const { backend, parallel, settings } = recipe
    const { tensor, pipeline, data, expert } = parallel
    const kvElementBytes = settings.kvDtype === 'fp8' ? 1 : 2
    const ways = waysOf(weights)(backend)
    // Widths are below 1,000.
    const key = ((tensor * 1_000 + pipeline) * 1_000 + data) * 4 + (expert ? 2 : 0) + kvElementBytes - 1
    const known = ways.get(key)
    if (known !== undefined) return known
    const spread = spreadOf(shape, { weightBytes: weights.bytes }, backend, parallel, kvElementBytes)
    ways.set(key, spread)
    return spread
  }
}
