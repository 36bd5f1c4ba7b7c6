import { expect, test } from 'vitest'
import { buildContents } from '../../src/domain/cache/build-contents.js'
import type { CacheEvent } from '../../src/domain/cache/event.js'
import { foldEvents } from '../../src/domain/cache/usage.js'
import { cacheMetrics } from '../../src/telemetry/cache-metrics.js'
import { renderMetrics } from '../../src/telemetry/render.js'
import { ago, asked, commitOf, repositoryOf, scanOf, stored } from '../domain/cache/scans.js'

/** `name{labels} value` by line. */
async function scrape(events: CacheEvent[]): Promise<string[]> {
  const repository = repositoryOf('org/a', [['model.safetensors', 'config.json'], ['config.json']])
  repository.blobs.push({ name: 'lonely', file: stored(7), payload: null })
  const scan = scanOf([repository], { partials: [{ id: 'p', repo: null, commit: null, bytes: 12, changedAt: 0, live: true }] })
  const text = await renderMetrics(cacheMetrics(buildContents(scan, foldEvents(events)), events), { node: 'node-1' })
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('every metric is there from the beginning, with the node that it is of', async () => {
  expect(await scrape([])).toEqual([
    'aim_cache_hits_total{node="node-1"} 0',
    'aim_cache_misses_total{node="node-1"} 0',
    'aim_cache_followed_total{node="node-1"} 0',
    'aim_cache_download_seconds_total{node="node-1"} 0',
    'aim_cache_saved_bytes_total{node="node-1"} 0',
    'aim_cache_saved_seconds{node="node-1"} 0',
    'aim_cache_bytes{kind="weights",node="node-1"} 100',
    'aim_cache_bytes{kind="tokenizer",node="node-1"} 0',
    'aim_cache_bytes{kind="config",node="node-1"} 100',
    'aim_cache_bytes{kind="dataset",node="node-1"} 0',
    'aim_cache_bytes{kind="metadata",node="node-1"} 0',
    'aim_cache_bytes{kind="unreferenced",node="node-1"} 7',
    'aim_cache_evicted_bytes_total{node="node-1"} 0',
    'aim_cache_verified_files_total{result="good",node="node-1"} 0',
    'aim_cache_verified_files_total{result="bad",node="node-1"} 0',
    'aim_cache_partial_bytes{node="node-1"} 12',
    'aim_cache_volume_free_bytes{node="node-1"} 1000',
  ])
})

test('counts what the ledger tells', async () => {
  const file = (source: string) => ({ path: 'f', digest: 'd', bytes: 50, source })
  const lines = await scrape([
    {
      kind: 'fetched',
      at: ago(9),
      repo: 'org/a',
      commit: commitOf(1),
      files: [file('hub https://hub.example'), file('peer node-b')],
      ms: 1_000,
    },
    { kind: 'failed', at: ago(9), repo: 'org/a', commit: commitOf(1), code: 'DiskFull' },
    { ...asked('org/a', commitOf(1), null, 8), outcome: 'miss', fetchedBytes: 100, ms: 1_500 } as CacheEvent,
    { ...asked('org/a', commitOf(1), null, 8), outcome: 'followed' } as CacheEvent,
    asked('org/a', commitOf(1), null, 8),
    { kind: 'verified', at: ago(7), repo: 'org/a', good: ['d', 'e'], bad: ['f'] },
    { kind: 'evicted', at: ago(6), repo: 'org/a', commit: commitOf(1), bytes: 60, digests: ['d'], reason: 'test' },
  ])
  expect(lines).toEqual(
    expect.arrayContaining([
      'aim_cache_hits_total{node="node-1"} 1',
      'aim_cache_misses_total{node="node-1"} 1',
      'aim_cache_followed_total{node="node-1"} 1',
      'aim_cache_download_seconds_total{node="node-1"} 1.5',
      'aim_cache_failed_downloads_total{code="DiskFull",node="node-1"} 1',
      'aim_cache_saved_bytes_total{node="node-1"} 100',
      'aim_cache_saved_seconds{node="node-1"} 1',
      'aim_cache_fetched_bytes_total{source="hub",node="node-1"} 50',
      'aim_cache_fetched_bytes_total{source="peer",node="node-1"} 50',
      'aim_cache_verified_files_total{result="good",node="node-1"} 2',
      'aim_cache_verified_files_total{result="bad",node="node-1"} 1',
      'aim_cache_evicted_bytes_total{node="node-1"} 60',
    ]),
  )
})
