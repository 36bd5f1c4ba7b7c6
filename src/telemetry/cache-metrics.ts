import { FILE_KINDS, type CacheContents } from '../domain/cache/contents.js'
import type { CacheEvent } from '../domain/cache/event.js'
import { statisticsOf } from '../domain/cache/statistics.js'

/** One metric as Prometheus knows it; `label` is the name of the label that tells its values apart. */
export type Metric = {
  name: string
  help: string
  type: 'counter' | 'gauge'
  label: string | null
  values: [label: string, value: number][]
}

/** What a node's cache holds and did. Counters count since its ledger began. */
export function cacheMetrics(contents: CacheContents, events: readonly CacheEvent[]): Metric[] {
  const { hits, misses, followed, sources, savedBytes, savedMs, missMs, failed, evictedBytes, verified } = statisticsOf(events)
  return [
    one('counter', 'aim_cache_hits_total', 'Models that were asked for and were there.', hits),
    one('counter', 'aim_cache_misses_total', 'Models that were asked for and had to be fetched, in whole or in part.', misses),
    one('counter', 'aim_cache_followed_total', 'Models that were asked for while another process was fetching them.', followed),
    one('counter', 'aim_cache_download_seconds_total', 'Seconds that those waited who asked for what had to be fetched.', missMs / 1_000),
    {
      name: 'aim_cache_failed_downloads_total',
      help: 'Downloads that failed, by the code of the error.',
      type: 'counter',
      label: 'code',
      values: Object.entries(failed),
    },
    {
      name: 'aim_cache_fetched_bytes_total',
      help: 'Bytes that came over the network, by the kind of place they came from.',
      type: 'counter',
      label: 'source',
      values: Object.entries(sources),
    },
    one('counter', 'aim_cache_saved_bytes_total', 'Bytes that were asked for and did not have to be fetched.', savedBytes),
    // No counter: with the rate at which bytes come the estimate moves both ways.
    one(
      'gauge',
      'aim_cache_saved_seconds',
      'What fetching the saved bytes would have taken, at the rate at which bytes came.',
      (savedMs ?? 0) / 1_000,
    ),
    {
      name: 'aim_cache_bytes',
      help: 'Bytes on disk, each file once, by what it is for.',
      type: 'gauge',
      label: 'kind',
      values: bytesByKind(contents),
    },
    one('counter', 'aim_cache_evicted_bytes_total', 'Bytes that cleanups removed.', evictedBytes),
    {
      name: 'aim_cache_verified_files_total',
      help: 'Files that were hashed again, by what was found.',
      type: 'counter',
      label: 'result',
      values: [
        ['good', verified.good],
        ['bad', verified.bad],
      ],
    },
    one('gauge', 'aim_cache_partial_bytes', 'Bytes of downloads that are not whole.', contents.partialBytes),
    one('gauge', 'aim_cache_volume_free_bytes', 'Bytes free on the volume of the cache.', contents.volume.freeBytes),
  ]
}

function one(type: Metric['type'], name: string, help: string, value: number): Metric {
  return { name, help, type, label: null, values: [['', value]] }
}

/** What no revision links to is `unreferenced`: the kinds add up to the whole. */
function bytesByKind({ kinds, bytes }: CacheContents): [string, number][] {
  const counted = FILE_KINDS.reduce((sum, kind) => sum + kinds[kind], 0)
  return [...FILE_KINDS.map((kind): [string, number] => [kind, kinds[kind]]), ['unreferenced', bytes - counted]]
}
