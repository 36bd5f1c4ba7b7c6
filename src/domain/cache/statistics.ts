import type { CacheEvent } from './event.js'
import { compare } from './order.js'
import { addSources, type Sources } from './traffic.js'

/** What the cache was good for since its ledger began. Sizes in bytes, times in ms; null: nothing to tell it from. */
export type CacheStatistics = {
  since: string | null
  hits: number
  misses: number
  /** Those that had to wait for another process's download of the same. */
  followed: number
  /** Share of hits, 0 to 1. */
  hitRate: number | null
  savedBytes: number
  fetchedBytes: number
  /** By the kind of place they came from: `hub`, `peer`, ... */
  sources: Sources
  /** How fast bytes came while they were fetched, and what fetching the saved ones at that rate would have taken. */
  bytesPerSecond: number | null
  savedMs: number | null
  /** How long those waited who asked for what was not there. */
  missMs: number
  /** Downloads that failed, by the code of their error. */
  failed: Record<string, number>
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
  const [asked, verified] = [of('asked'), of('verified')]
  const withOutcome = (wanted: Asked['outcome']): Asked[] => asked.filter(({ outcome }) => outcome === wanted)
  const [hits, misses] = [withOutcome('hit').length, withOutcome('miss')]
  const savedBytes = asked.reduce((sum, event) => sum + saved(event), 0)
  const sources = of('fetched').map(sourcesOf).reduce(addSources, {})
  const bytesPerSecond = fetchRate(events)
  return {
    since: events[0]?.at ?? null,
    hits,
    misses: misses.length,
    followed: withOutcome('followed').length,
    hitRate: asked.length === 0 ? null : hits / asked.length,
    savedBytes,
    fetchedBytes: total(sources),
    sources,
    bytesPerSecond,
    savedMs: bytesPerSecond === null ? null : (savedBytes * 1000) / bytesPerSecond,
    missMs: misses.reduce((sum, { ms }) => sum + ms, 0),
    failed: sumBy(
      of('failed'),
      ({ code }) => code,
      () => 1,
    ),
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
    bytes += total(sourcesOf(event))
    ms += event.ms
  }
  return bytes > 0 && ms > 0 ? (bytes * 1000) / ms : null
}

type Asked = Extract<CacheEvent, { kind: 'asked' }>
type Fetched = Extract<CacheEvent, { kind: 'fetched' }>

/** Who had to wait for another's download saved nothing. */
const saved = ({ bytes, fetchedBytes, outcome }: Asked): number => (outcome === 'followed' ? 0 : Math.max(0, bytes - fetchedBytes))

/** Earlier versions told only where the last byte of each file came from. */
function sourcesOf({ sources, files }: Fetched): Sources {
  return (
    sources ??
    sumBy(
      files,
      ({ source }) => source.split(' ')[0] ?? source,
      ({ bytes }) => bytes,
    )
  )
}

const total = (sources: Sources): number => Object.values(sources).reduce((sum, bytes) => sum + bytes, 0)

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
