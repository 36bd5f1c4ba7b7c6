import type { ModelShape } from '../model.js'
import { spreadOf, type Spread } from '../memory/spread.js'
import type { Recipe } from '../recipe.js'
import type { Weights } from './weights.js'

/** How a recipe spreads its weights; null: too little is known of the model to say what that takes. */
export type FindSpread = (recipe: Recipe, weights: Weights) => Spread | null

/** Many recipes spread the same weights alike: each way is computed once in a plan. */
export function spreadFinder(shape: ModelShape | null): FindSpread {
  const known = new Map<Weights, Map<string, Spread>>()
  return (recipe, weights) => {
    if (shape === null || (recipe.precision ?? weights.variant?.precision) === undefined) return null
    const { backend, parallel, settings } = recipe
    const { tensor, pipeline, data, expert } = parallel
    const kvElementBytes = settings.kvDtype === 'fp8' ? 1 : 2
    const ways = known.get(weights) ?? new Map<string, Spread>()
    if (ways.size === 0) known.set(weights, ways)
    const key = `${backend} ${tensor} ${pipeline} ${data} ${expert} ${kvElementBytes}`
    const spread = ways.get(key) ?? spreadOf(shape, { weightBytes: weights.bytes }, backend, parallel, kvElementBytes)
    ways.set(key, spread)
    return spread
  }
}
