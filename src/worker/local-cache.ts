import { hostname, userInfo } from 'node:os'
import type { Settings } from '../config/settings.js'
import type { CacheContents } from '../domain/cache/contents.js'
import type { CacheEvent } from '../domain/cache/event.js'
import { enginesInUse, weightsInUse } from './local-engines.js'
import { localWeights } from './local-weights.js'

export { weightsInUse, localWeights as localCache }

/** Contents of the cache and all events of its ledger; engines that were started with it count as users, as they do for a cleanup. */
export async function surveyCache(settings: Settings): Promise<{ contents: CacheContents; events: CacheEvent[] }> {
  const { cache, ledger } = localWeights(settings)
  const [contents, events, engines] = await Promise.all([cache.contents(), ledger.read(), enginesInUse(settings)])
  for (const { commit, usedBy } of contents.repositories.flatMap(({ revisions }) => revisions)) {
    const users = engines.filter(({ path }) => path.split('/').includes(commit)).map(({ endpoint }) => endpoint)
    usedBy.splice(0, usedBy.length, ...new Set([...usedBy, ...users].toSorted()))
  }
  return { contents, events }
}

/** Pins or unpins a repository, or one revision of it, for the person at this terminal. @throws AimError `CacheUnwritable` */
export async function setPin(
  settings: Settings,
  kind: 'pinned' | 'unpinned',
  of: { repo: string; commit: string | null; reason: string | null },
) {
  const actor = `${userInfo().username}@${hostname()}`
  await localWeights(settings).ledger.record({ kind, at: new Date().toISOString(), actor, ...of })
}
