import { buildContents } from '../../domain/cache/build-contents.js'
import type { Facts } from '../../domain/cache/candidates.js'
import { evictableBytes } from '../../domain/cache/plan-prune.js'
import { foldEvents } from '../../domain/cache/usage.js'
import type { InUse } from '../../domain/cache/protect.js'
import type { CacheLedger } from '../../ports/cache-ledger.js'
import type { ModelCache } from '../../ports/model-cache.js'
import { partialsFolder } from '../weights/disk.js'
import { inUseOf } from './in-use.js'
import type { CachePlaces } from './places.js'
import { pruneCache } from './prune.js'
import type { Refetch } from './repair-blob.js'
import { scanCache } from './scan.js'
import { verifyCache } from './verify.js'

export type ModelCacheOptions = CachePlaces & { ledger: CacheLedger; refetch: Refetch; now?: () => number }

/** `evictableBytes`: what a cleanup could free at the most, for who finds the disk full. */
export type LocalModelCache = ModelCache & { evictableBytes(inUse: () => Promise<string[]>): Promise<number> }

/** The cache of this machine, in the Hugging Face layout, whoever filled it. */
export function createModelCache({ hubCache, partials, ledger, refetch, now = Date.now }: ModelCacheOptions): LocalModelCache {
  async function factsNow(inUse: () => Promise<InUse[]>, events = () => ledger.read()): Promise<Facts> {
    const at = now()
    const scan = await scanCache({ hubCache, partials }, at)
    return { scan, usage: foldEvents(await events()), inUse: await inUse(), now: at }
  }
  const users = (paths: () => Promise<string[]>) => async () => inUseOf(hubCache, await paths())
  const placesNow = async (): Promise<CachePlaces> => ({ hubCache, partials: await partialsFolder(partials, hubCache) })

  return {
    async contents() {
      const { scan, usage } = await factsNow(nobody)
      return buildContents(scan, usage)
    },
    async prune(request, inUse) {
      const events = ledger.follow()
      const facts = await factsNow(users(inUse), events)
      return pruneCache({ places: await placesNow(), ledger, facts, events, inUse: users(inUse) }, request)
    },
    async verify(request, options) {
      const { scan, usage } = await factsNow(nobody)
      return verifyCache({ places: await placesNow(), ledger, scan, usage, refetch }, request, options)
    },
    evictableBytes: async (inUse) => evictableBytes(await factsNow(users(inUse))),
  }
}

const nobody = async (): Promise<InUse[]> => []
