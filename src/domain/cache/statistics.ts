import type { CacheEvent } from './event.js'
import { compare } from './order.js'

/** What the cache was good for since its ledger began. Sizes in bytes, times in ms; null: nothing to tell it from. */
export type CacheStatistics = {
  since: string | null
  hits: number
  misses: number
  /** Share of hits, 0 to 1. */
  hitRate: number | null
  savedBytes: number
  fetchedBytes: number
  /** By the kind of place they came from: `hub`, `peer`, ... */
  sources: Record<string, number>
  /** How fast bytes came while they were fetched, and what fetching the saved ones at that rate would have taken. */
  bytesPerSecond: number | null
  savedMs: number | null
  verified: { good: number; bad: number }
  evictedBytes: number
  models: ModelAccess[]
}

/** `days`: how often it was asked for, by UTC day. */
export type ModelAccess = { repo: string; asked: number; hits: number; savedBytes: number; days: Record<string, number> }

/** From events, oldest first. */
export function statisticsOf(events: readonly CacheEvent[]): CacheStatistics {
  const of = <Kind extends CacheEvent['kind']>(kind: Kind) =>
    events.filter((event): event is Extract<CacheEvent, { kind: Kind }> => event.kind === kind)
  const [asked, fetched, verified] = [of('asked'), of('fetched'), of('verified')]
  const files = fetched.flatMap((event) => event.files)
  const hits = asked.filter(({ outcome }) => outcome === 'hit').length
  const savedBytes = asked.reduce((sum, event) => sum + saved(event), 0)
  const fetchedBytes = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const bytesPerSecond = fetchRate(events)
  return {
    since: events[0]?.at ?? null,
    hits,
    misses: asked.length - hits,
    hitRate: asked.length === 0 ? null : hits / asked.length,
    savedBytes,
    fetchedBytes,
    sources: sumBy(
      files,
      ({ source }) => source.split(' ')[0] ?? source,
      ({ bytes }) => bytes,
    ),
    bytesPerSecond,
    savedMs: bytesPerSecond === null ? null : (savedBytes * 1000) / bytesPerSecond,
    verified: {
      good: verified.reduce((sum, { good }) => sum + good.length, 0),
      bad: verified.reduce((sum, { bad }) => sum + bad.length, 0),
    },
    evictedBytes: of('evicted').reduce((sum, { bytes }) => sum + bytes, 0),
    models: accessOf(asked),
  }
}

/** Bytes a second of everything that was fetched; null before the first byte. */
export function fetchRate(events: readonly CacheEvent[]): number | null {
  let [bytes, ms] = [0, 0]
  for (const event of events) {
    if (event.kind !== 'fetched') continue
    for (const file of event.files) bytes += file.bytes
    ms += event.ms
  }
  return bytes > 0 && ms > 0 ? (bytes * 1000) / ms : null
}

type Asked = Extract<CacheEvent, { kind: 'asked' }>

const saved = ({ bytes, fetchedBytes }: Asked): number => Math.max(0, bytes - fetchedBytes)

function accessOf(asked: Asked[]): ModelAccess[] {
  const models = new Map<string, Asked[]>()
  for (const event of asked) models.set(event.repo, [...(models.get(event.repo) ?? []), event])
  const access = [...models].map(([repo, events]) => ({
    repo,
    asked: events.length,
    hits: events.filter(({ outcome }) => outcome === 'hit').length,
    savedBytes: events.reduce((sum, event) => sum + saved(event), 0),
    days: sumBy(
      events,
      ({ at }) => at.slice(0, 10),
      () => 1,
    ),
  }))
  return access.toSorted((a, b) => b.asked - a.asked || compare(a.repo, b.repo))
}

function sumBy<Item>(items: Item[], key: (item: Item) => string, amount: (item: Item) => number): Record<string, number> {
  const sums = new Map<string, number>()
  for (const item of items) sums.set(key(item), (sums.get(key(item)) ?? 0) + amount(item))
  return Object.fromEntries([...sums].toSorted(([a], [b]) => compare(a, b)))
}
