import { parseFree, type CachePolicy } from '../domain/cache/policy.js'
import { parseBytes } from '../domain/units.js'
import type { Settings } from './settings.js'

/** What this node's settings say about its cache; without any there is no limit. */
export function cachePolicyOf({ cacheMax, cacheFree }: Pick<Settings, 'cacheMax' | 'cacheFree'>): CachePolicy {
  const maxBytes = cacheMax === undefined ? null : parseBytes(cacheMax)
  return { order: 'lru', ...(maxBytes !== null && { maxBytes }), ...(cacheFree !== undefined && parseFree(cacheFree)) }
}
