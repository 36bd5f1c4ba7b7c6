import type { CacheContents, CachedRevision } from './contents.js'
import type { CacheEvent } from './event.js'
import { compare } from './order.js'
import { fetchRate } from './statistics.js'

/** Where the cache wastes bytes, with the largest waste first. */
export type CacheReport = {
  /** The same bytes, fetched more than once: `times` besides the first, of which `afterEviction` because they had been evicted. */
  fetchedAgain: { repo: string; path: string; digest: string; times: number; afterEviction: number; bytes: number }[]
  /** Revisions that nobody used for `idleDays`. `bytes` are those that no other revision shares. */
  unused: { repo: string; commit: string; bytes: number; lastUsedAt: string; uses: number; pinned: boolean }[]
  /** What was fetched again because it had been evicted; `ms` at the rate at which bytes came. */
  evictionCost: { bytes: number; ms: number | null }
  /** What evicting each revision that lies here now would cost: its bytes that no other revision shares, and the time to have them again at that rate. */
  wouldCost: { repo: string; commit: string; bytes: number; ms: number | null }[]
}

const DAY_MS = 86_400_000

/** @param now ms since 1970. */
export function reportOf(contents: CacheContents, events: readonly CacheEvent[], idleDays: number, now: number): CacheReport {
  const again = fetchedAgain(events)
  const bytes = again.reduce((sum, { afterEviction, each }) => sum + afterEviction * each, 0)
  const rate = fetchRate(events)
  return {
    fetchedAgain: again
      .map(({ each, ...rest }) => ({ ...rest, bytes: rest.times * each }))
      .toSorted((a, b) => b.bytes - a.bytes || compare(a.digest, b.digest)),
    unused: unusedIn(contents, now - idleDays * DAY_MS),
    evictionCost: { bytes, ms: timeFor(bytes, rate) },
    wouldCost: revisionsIn(contents)
      .filter(({ ownBytes }) => ownBytes > 0)
      .map(({ repo, commit, ownBytes }) => ({ repo, commit, bytes: ownBytes, ms: timeFor(ownBytes, rate) }))
      .toSorted(byBytes),
  }
}

type Again = { repo: string; path: string; digest: string; times: number; afterEviction: number; each: number }

function fetchedAgain(events: readonly CacheEvent[]): Again[] {
  const seen = new Map<string, Again>()
  const evicted = new Set<string>()
  for (const event of events) {
    if (event.kind === 'evicted') for (const digest of event.digests) evicted.add(digest)
    if (event.kind !== 'fetched') continue
    for (const { digest, path, bytes: each } of event.files) {
      const known = seen.get(digest)
      if (known === undefined) seen.set(digest, { repo: event.repo, path, digest, times: 0, afterEviction: 0, each })
      else {
        known.times++
        if (evicted.has(digest)) known.afterEviction++
      }
      evicted.delete(digest)
    }
  }
  return [...seen.values()].filter(({ times }) => times > 0)
}

function unusedIn(contents: CacheContents, before: number): CacheReport['unused'] {
  return revisionsIn(contents)
    .filter(({ lastUsedAt, usedBy }) => Date.parse(lastUsedAt) < before && usedBy.length === 0)
    .map(({ repo, commit, ownBytes: bytes, lastUsedAt, uses, pinned }) => ({ repo, commit, bytes, lastUsedAt, uses, pinned }))
    .toSorted(byBytes)
}

/** @param rate bytes a second; null: nothing was ever fetched. */
const timeFor = (bytes: number, rate: number | null): number | null => (bytes === 0 ? 0 : rate && (bytes * 1000) / rate)

function revisionsIn({ repositories }: CacheContents): ({ repo: string } & CachedRevision)[] {
  return repositories.flatMap(({ repo, revisions }) => revisions.map((revision) => ({ repo, ...revision })))
}

type Sized = { repo: string; commit: string; bytes: number }
const byBytes = (a: Sized, b: Sized): number => b.bytes - a.bytes || compare(a.repo, b.repo) || compare(a.commit, b.commit)
