import { createModelCache, type LocalModelCache } from '../adapters/cache/create-model-cache.js'
import { createLedger, type Ledger } from '../adapters/cache/ledger.js'
import { refetchWith } from '../adapters/cache/refetch.js'
import { createSources } from '../adapters/sources/sources.js'
import { createWeightStore } from '../adapters/weights/create-weight-store.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import type { WeightStore } from '../ports/weight-store.js'
import { weightsInUse } from './local-engines.js'
import { hubOf } from './local-hub.js'

export type LocalWeights = { weights: WeightStore; cache: LocalModelCache; ledger: Ledger }

/**
 * The weights of this machine: the store that brings them, the cache that keeps them, and its ledger. `onWarning` is told once when the ledger cannot be
 * written, and once for each node that refuses ours.
 */
export function localWeights(settings: Settings, onWarning?: (text: string) => void): LocalWeights {
  const { hubCache, partials, cacheLedger } = pathsOf(settings)
  const hub = hubOf(settings)
  const ledger = createLedger({ folder: cacheLedger, ...(onWarning && { onWarning }) })
  const weights = createWeightStore({
    ...createSources(settings, hub, onWarning),
    hubCache,
    partials,
    ledger,
    evictableBytes: () => cache.evictableBytes(() => weightsInUse(settings)),
  })
  const cache = createModelCache({ hubCache, partials, ledger, refetch: refetchWith(hub, () => weights) })
  return { weights, cache, ledger }
}
