import { createModelCache, type LocalModelCache } from '../adapters/cache/create-model-cache.js'
import { createLedger, type Ledger } from '../adapters/cache/ledger.js'
import type { Refetch } from '../adapters/cache/repair-blob.js'
import { hubSource } from '../adapters/sources/hub-source.js'
import { createWeightStore } from '../adapters/weights/create-weight-store.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { AimError } from '../contracts/errors.js'
import type { Hub } from '../ports/hub.js'
import type { WeightStore } from '../ports/weight-store.js'
import { enginesInUse } from './local-engines.js'
import { hubOf } from './local-hub.js'

export type LocalWeights = { weights: WeightStore; cache: LocalModelCache; ledger: Ledger }

/**
 * The weights of this machine: the store that brings them, the cache that keeps them, and its ledger. `onWarning` is told once when the ledger cannot be
 * written.
 */
export function localWeights(settings: Settings, onWarning?: (text: string) => void): LocalWeights {
  const { hubCache, partials, cacheLedger } = pathsOf(settings)
  const hub = hubOf(settings)
  const ledger = createLedger({ folder: cacheLedger, ...(onWarning && { onWarning }) })
  const weights = createWeightStore({
    sources: () => [hubSource(hub, `hub ${settings.hubEndpoint}`)],
    hubCache,
    partials,
    ledger,
    evictableBytes: async () => cache.evictableBytes((await enginesInUse(settings)).map(({ path }) => path)),
  })
  const cache = createModelCache({ hubCache, partials, ledger, refetch: refetcher(hub, weights) })
  return { weights, cache, ledger }
}

/** Brings one file again: of the commit that it belongs to, verified as any other. */
function refetcher(hub: Hub, weights: WeightStore): Refetch {
  return async (repo, commit, path, signal) => {
    const model = await hub.pin(repo, commit, signal)
    const file = model.files.find((each) => each.path === path)
    if (file === undefined) throw new AimError('NotFound', { what: `${path} in ${repo} at ${commit}` })
    await weights.ensure(model, [file], { ...(signal && { signal }) })
  }
}
