import type { Recipe } from '../recipe.js'
import { fitGpus, VLLM_SHARE, type FitCase, type GpuFit } from './fit-gpus.js'
import { placeAt, type Lookups, type Site } from './lookups.js'
import type { GpuNeed, Placing } from './place.js'
import type { GivenUp } from './recipe-rules.js'

/** A recipe that fits into GPUs of one kind, and where they are free. */
export type Taken = GpuFit & { of: FitCase; need: GpuNeed; placing: Placing }

/**
 * vLLM wants its share of the whole GPU free, whatever the model needs. Where no node has so much, the share that is free may do; null: no. A
 * share that the recipe itself says is kept. SGLang takes its share of what is free when it starts, so a smaller one would gain nothing.
 */
export function withSmallerShare(of: FitCase, any: GpuNeed, site: Site, lookups: Lookups): Taken | null {
  const { recipe, kind, weights, count, spread } = of
  if (recipe.backend !== 'vllm' || recipe.settings.memoryFraction !== undefined || spread === null) return null
  const memoryFraction = Math.floor((100 * mostFree(any, site)) / kind.totalBytes) / 100
  if (memoryFraction <= 0 || memoryFraction >= VLLM_SHARE) return null
  const smaller: Recipe = { ...recipe, settings: { ...recipe.settings, memoryFraction } }
  const fitCase = { ...of, recipe: smaller, measurement: lookups.measurement(kind, smaller, weights, count) }
  const fitted = fitGpus(fitCase)
  if ('problem' in fitted || fitted.fit === null) return null
  const { context, maxConcurrency } = fitted.fit
  const need = { ...any, freeBytes: fitted.freeBytes }
  const share = `${memoryFraction} instead of ${VLLM_SHARE} of the memory of each GPU`
  const words = () => `${share}, which holds ${maxConcurrency} request(s) of ${context} tokens`
  const less: GivenUp = { what: 'memory', kept: memoryFraction / VLLM_SHARE, words, reason: () => `would have ${share}` }
  return { ...fitted, of: fitCase, need, placing: placeAt(site, need), gaveUp: [less, ...fitted.gaveUp] }
}

/** Bytes that some node has free on each of so many GPUs; the fewest that any GPU has are known to do. */
function mostFree(any: GpuNeed, site: Site): number {
  const { levels } = site.kind
  let [low, high] = [0, levels.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (placeAt(site, { ...any, freeBytes: levels[middle] ?? 0 }).best === null) high = middle - 1
    else low = middle
  }
  return levels[low] ?? 0
}
