import type { CacheEvent } from './event.js'

/** What the ledger tells about what lies in the cache now. Times are ISO 8601. */
export type CacheUsage = {
  /** By `revisionKey`. */
  asked: Map<string, { at: string; uses: number }>
  /** What each endpoint in service may need. */
  endpoints: Map<string, EndpointUse>
  /** By `blobKey`: when it was last proved by its digest, and where it came from. */
  verified: Map<string, string>
  sources: Map<string, string>
  /** Repositories, and revisions by `revisionKey`. */
  pins: Map<string, { at: string; actor: string; reason: string | null }>
}

/** By `revisionKey`, each once and the newest first. `asked`: since it last served anything, so what a deploy that runs or failed brought. */
type EndpointUse = { served: string[]; asked: string[] }

export const revisionKey = (repo: string, commit: string): string => `${repo}@${commit}`
export const blobKey = (repo: string, digest: string): string => `${repo}#${digest}`
const pinKey = (repo: string, commit: string | null): string => (commit === null ? repo : revisionKey(repo, commit))

/** Serving, and the one to roll back to. */
const KEPT_FOR_ENDPOINT = 2
const NOTHING: EndpointUse = { served: [], asked: [] }

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
      const { served, asked: others } = endpoints.get(event.endpoint) ?? NOTHING
      endpoints.set(event.endpoint, { served, asked: newest(key, others) })
      return
    }
    case 'served': {
      const { served, asked: others } = endpoints.get(event.endpoint) ?? NOTHING
      // Before the first of these, as in ledgers of earlier versions, nobody knows which of the asked ones served.
      const before = served.length > 0 ? served : others
      endpoints.set(event.endpoint, {
        served: newest(revisionKey(event.repo, event.commit), before).slice(0, KEPT_FOR_ENDPOINT),
        asked: [],
      })
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
      return
    case 'failed': // what came before it, `fetched` tells
  }
}

const newest = (key: string, others: readonly string[]): string[] => [key, ...others.filter((other) => other !== key)]

/** Endpoints that serve this revision, would roll back to it, or are being given it, in order of their names. */
export function usersOf({ endpoints }: CacheUsage, key: string): string[] {
  const users = [...endpoints].filter(([, use]) => neededBy(use).includes(key))
  return users.map(([endpoint]) => endpoint).toSorted()
}

function neededBy({ served, asked }: EndpointUse): string[] {
  return served.length === 0 ? asked.slice(0, KEPT_FOR_ENDPOINT) : [...served, ...asked]
}
