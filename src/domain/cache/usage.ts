import type { CacheEvent } from './event.js'

/** What the ledger tells about what lies in the cache now. Times are ISO 8601. */
export type CacheUsage = {
  /** By `revisionKey`. */
  asked: Map<string, { at: string; uses: number }>
  /** What each endpoint in service asked for, by `revisionKey`, each once and the newest first. */
  endpoints: Map<string, string[]>
  /** By `blobKey`: when it was last proved by its digest, and where it came from. */
  verified: Map<string, string>
  sources: Map<string, string>
  /** Repositories, and revisions by `revisionKey`. */
  pins: Map<string, { at: string; actor: string; reason: string | null }>
}

export const revisionKey = (repo: string, commit: string): string => `${repo}@${commit}`
export const blobKey = (repo: string, digest: string): string => `${repo}#${digest}`
const pinKey = (repo: string, commit: string | null): string => (commit === null ? repo : revisionKey(repo, commit))

/** Serving, and the one to roll back to. */
const KEPT_FOR_ENDPOINT = 2

/** Folds events, oldest first. */
export function foldEvents(events: readonly CacheEvent[]): CacheUsage {
  const usage: CacheUsage = { asked: new Map(), endpoints: new Map(), verified: new Map(), sources: new Map(), pins: new Map() }
  for (const event of events) fold(usage, event)
  return usage
}

function fold({ asked, endpoints, verified, sources, pins }: CacheUsage, event: CacheEvent): void {
  switch (event.kind) {
    case 'fetched':
      for (const { digest, source } of event.files) {
        verified.set(blobKey(event.repo, digest), event.at)
        sources.set(blobKey(event.repo, digest), source)
      }
      return
    case 'asked': {
      const key = revisionKey(event.repo, event.commit)
      asked.set(key, { at: event.at, uses: (asked.get(key)?.uses ?? 0) + 1 })
      if (event.endpoint === null) return
      const before = endpoints.get(event.endpoint) ?? []
      endpoints.set(event.endpoint, [key, ...before.filter((other) => other !== key)])
      return
    }
    case 'released':
      endpoints.delete(event.endpoint)
      return
    case 'verified':
      for (const digest of event.good) verified.set(blobKey(event.repo, digest), event.at)
      for (const digest of event.bad) verified.delete(blobKey(event.repo, digest))
      return
    case 'evicted':
      for (const digest of event.digests) verified.delete(blobKey(event.repo, digest))
      return
    case 'pinned': {
      const { at, actor, reason } = event
      pins.set(pinKey(event.repo, event.commit), { at, actor, reason })
      return
    }
    case 'unpinned':
      pins.delete(pinKey(event.repo, event.commit))
  }
}

/** Endpoints that serve this revision or would roll back to it, in order of their names. */
export function usersOf({ endpoints }: CacheUsage, key: string): string[] {
  const users = [...endpoints].filter(([, keys]) => keys.slice(0, KEPT_FOR_ENDPOINT).includes(key))
  return users.map(([endpoint]) => endpoint).toSorted()
}
