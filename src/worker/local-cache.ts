import { hostname, userInfo } from 'node:os'
import { createModelCache, type LocalModelCache } from '../adapters/cache/create-model-cache.js'
import { createLedger, type Ledger } from '../adapters/cache/ledger.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { AimError } from '../contracts/errors.js'
import type { CacheContents } from '../domain/cache/contents.js'
import type { CacheEvent } from '../domain/cache/event.js'
import { hubOf, launcherOf, weightsOf } from './local-parts.js'

export { evictable as evictableBytes }

/** The cache of this machine and its ledger. `onWarning` is told once when the ledger cannot be written. */
export function localCache(settings: Settings, onWarning?: (text: string) => void): { cache: LocalModelCache; ledger: Ledger } {
  const { hubCache, partials, cacheLedger } = pathsOf(settings)
  const ledger = createLedger({ folder: cacheLedger, ...(onWarning && { onWarning }) })
  const cache = createModelCache({
    hubCache,
    partials,
    ledger,
    async refetch(repo, commit, path, signal) {
      const model = await hubOf(settings).pin(repo, commit, signal)
      const file = model.files.find((each) => each.path === path)
      if (file === undefined) throw new AimError('NotFound', { what: `${path} in ${repo} at ${commit}` })
      await weightsOf(settings, { ledger }).ensure(model, [file], { ...(signal && { signal }) })
    },
  })
  return { cache, ledger }
}

/** Engines of this machine that run now, each with the weights that it was started with. */
export async function enginesInUse(settings: Settings): Promise<{ endpoint: string; path: string }[]> {
  const engines = await launcherOf(settings).list()
  return engines.filter(({ state }) => state.phase === 'running').map(({ key, spec }) => ({ endpoint: key.endpoint, path: spec.modelPath }))
}

/** Contents of the cache and all events of its ledger; engines that run now count as users. */
export async function surveyCache(settings: Settings): Promise<{ contents: CacheContents; events: CacheEvent[] }> {
  const { cache, ledger } = localCache(settings)
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
  await localCache(settings).ledger.record({ kind, at: new Date().toISOString(), actor, ...of })
}

/** What a cleanup could free at the most. */
async function evictable(settings: Settings): Promise<number> {
  const engines = await enginesInUse(settings)
  return localCache(settings).cache.evictableBytes(engines.map(({ path }) => path))
}
