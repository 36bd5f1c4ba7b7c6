import { describe, expect, test } from 'vitest'
import { buildContents } from '../../../src/domain/cache/build-contents.js'
import type { CacheEvent } from '../../../src/domain/cache/event.js'
import { kindOf } from '../../../src/domain/cache/kinds.js'
import { reportOf } from '../../../src/domain/cache/report.js'
import { statisticsOf } from '../../../src/domain/cache/statistics.js'
import { foldEvents } from '../../../src/domain/cache/usage.js'
import { sampleOf } from '../../../src/domain/cache/verify-order.js'
import { DAY, NOW, ago, asked, commitOf, factsOf, repositoryOf, scanOf } from './scans.js'

const fetched = (digest: string, ageMs: number, change: Partial<Extract<CacheEvent, { kind: 'fetched' }>> = {}): CacheEvent => ({
  kind: 'fetched',
  at: ago(ageMs),
  repo: 'org/a',
  commit: commitOf(1),
  files: [{ path: `${digest}.safetensors`, digest, bytes: 1_000, source: 'hub https://hub.example' }],
  ms: 500,
  ...change,
})
const evicted = (digests: string[], ageMs: number): CacheEvent => ({
  kind: 'evicted',
  at: ago(ageMs),
  repo: 'org/a',
  commit: commitOf(1),
  bytes: 1_000 * digests.length,
  digests,
  reason: 'test',
})

test.each([
  ['model-00001-of-00002.safetensors', 'model', 'weights'],
  ['model.safetensors.index.json', 'model', 'weights'],
  ['q4/model.gguf', 'model', 'weights'],
  ['pytorch_model.bin', 'model', 'weights'],
  ['tokenizer.json', 'model', 'tokenizer'],
  ['tokenizer.model', 'model', 'tokenizer'],
  ['merges.txt', 'model', 'tokenizer'],
  ['chat_template.jinja', 'model', 'tokenizer'],
  ['config.json', 'model', 'config'],
  ['generation_config.json', 'model', 'config'],
  ['modeling_x.py', 'model', 'config'],
  ['README.md', 'model', 'metadata'],
  ['.gitattributes', 'model', 'metadata'],
  ['LICENSE', 'model', 'metadata'],
  ['data/train.parquet', 'dataset', 'dataset'],
  ['README.md', 'dataset', 'metadata'],
] as const)('%s of a %s is of the kind %s', (path, type, kind) => {
  expect(kindOf(path, type)).toBe(kind)
})

describe('statistics', () => {
  test('hits, bytes and time that were saved, and who asked when', () => {
    const ask = (repo: string, outcome: 'hit' | 'miss', fetchedBytes: number, ageMs: number): CacheEvent => ({
      ...(asked(repo, commitOf(1), 'chat', ageMs) as Extract<CacheEvent, { kind: 'asked' }>),
      outcome,
      bytes: 4_000,
      fetchedBytes,
    })
    const events = [
      ask('org/a', 'miss', 4_000, 2 * DAY),
      fetched('x', 2 * DAY, { ms: 2_000 }),
      fetched('y', 2 * DAY, { ms: 2_000, files: [{ path: 'y', digest: 'y', bytes: 3_000, source: 'peer node-b' }] }),
      ask('org/a', 'hit', 0, DAY),
      ask('org/b', 'miss', 1_000, DAY),
      ask('org/a', 'hit', 0, 0),
    ]
    expect(statisticsOf(events)).toEqual({
      since: ago(2 * DAY),
      hits: 2,
      misses: 2,
      followed: 0,
      hitRate: 0.5,
      savedBytes: 11_000,
      fetchedBytes: 4_000,
      sources: { hub: 1_000, peer: 3_000 },
      bytesPerSecond: 1_000,
      savedMs: 11_000,
      missMs: 2,
      failed: {},
      verified: { good: 0, bad: 0 },
      evictedBytes: 0,
      models: [
        { repo: 'org/a', asked: 3, hits: 2, savedBytes: 8_000, days: { '2026-11-24': 1, '2026-11-25': 1, '2026-11-26': 1 } },
        { repo: 'org/b', asked: 1, hits: 0, savedBytes: 3_000, days: { '2026-11-25': 1 } },
      ],
    })
  })

  test('bytes count at the place that each came from, also those of a file that came from two', () => {
    const events = [
      fetched('x', DAY, { files: [], sources: { hub: 600 }, ms: 100 }),
      fetched('x', DAY, { sources: { peer: 400 }, ms: 900 }),
      fetched('y', 2 * DAY, { ms: 1_000 }), // of an earlier version
    ]
    expect(statisticsOf(events)).toMatchObject({ sources: { hub: 1_600, peer: 400 }, fetchedBytes: 2_000, bytesPerSecond: 1_000 })
  })

  test('nothing is made up before anything was asked or fetched', () => {
    expect(statisticsOf([])).toMatchObject({ since: null, hitRate: null, bytesPerSecond: null, savedMs: null, models: [] })
  })
})

describe('report', () => {
  test('tells what came twice, and what of that an eviction cost', () => {
    const scan = scanOf([repositoryOf('org/a', [['x']], 40 * DAY), repositoryOf('org/b', [['x']], 2 * DAY)])
    const events = [
      fetched('x', 9 * DAY),
      fetched('y', 9 * DAY),
      evicted(['x'], 8 * DAY),
      fetched('x', 7 * DAY),
      fetched('x', 6 * DAY, { repo: 'org/b' }),
      evicted(['y'], 5 * DAY),
    ]
    const report = reportOf(buildContents(scan, foldEvents(events)), events, 30, NOW)
    expect(report.fetchedAgain).toEqual([{ repo: 'org/a', path: 'x.safetensors', digest: 'x', times: 2, afterEviction: 1, bytes: 2_000 }])
    expect(report.evictionCost).toEqual({ bytes: 1_000, ms: 500 })
    expect(report.wouldCost).toEqual(['org/a', 'org/b'].map((repo) => ({ repo, commit: commitOf(1), bytes: 100, ms: 50 })))
    expect(report.unused).toEqual([{ repo: 'org/a', commit: commitOf(1), bytes: 100, lastUsedAt: ago(40 * DAY), uses: 0, pinned: false }])
  })
})

describe('contents', () => {
  test('each blob counts once, and a revision says what is its own', () => {
    const contents = buildContents(
      scanOf([
        repositoryOf('org/a', [
          ['u', 'v'],
          ['v', 'w'],
        ]),
      ]),
      foldEvents([]),
    )
    expect([contents.bytes, contents.repositories[0]?.bytes, contents.kinds.metadata]).toEqual([300, 300, 300])
    expect(contents.repositories[0]?.revisions.map(({ bytes, ownBytes }) => [bytes, ownBytes])).toEqual([
      [200, 100],
      [200, 100],
    ])
  })

  test('the ledger tells when a file was proved, where it came from, who uses it and what is pinned', () => {
    const events: CacheEvent[] = [
      fetched('u', 9 * DAY),
      fetched('v', 9 * DAY),
      asked('org/a', commitOf(1), 'chat', 3 * DAY),
      { kind: 'verified', at: ago(2 * DAY), repo: 'org/a', good: ['u'], bad: ['v'] },
      { kind: 'pinned', at: ago(DAY), repo: 'org/a', commit: commitOf(2), actor: 'ada', reason: null },
    ]
    const contents = buildContents(scanOf([repositoryOf('org/a', [['u', 'v'], ['w']])]), foldEvents(events))
    const [first, second] = contents.repositories[0]?.revisions ?? []
    expect(first).toMatchObject({ commit: commitOf(1), usedBy: ['chat'], uses: 1, lastUsedAt: ago(3 * DAY), pinned: false })
    expect(first?.files.map(({ path, verifiedAt, source }) => [path, verifiedAt, source])).toEqual([
      ['u', ago(2 * DAY), 'hub https://hub.example'],
      ['v', null, 'hub https://hub.example'],
    ])
    expect(second).toMatchObject({ pinned: true, usedBy: [], uses: 0 })
  })

  test('what happened last counts: unpinned, and asked for again by an endpoint that had been released', () => {
    const { usage } = factsOf(scanOf([]), [
      { kind: 'pinned', at: ago(5), repo: 'org/a', commit: null, actor: 'ada', reason: null },
      { kind: 'unpinned', at: ago(4), repo: 'org/a', commit: null, actor: 'ada', reason: null },
      asked('org/a', commitOf(1), 'chat', 3),
      { kind: 'released', at: ago(2), endpoint: 'chat' },
      asked('org/a', commitOf(2), 'chat', 1),
    ])
    expect([[...usage.pins], [...usage.endpoints]]).toEqual([[], [['chat', { served: [], asked: [`org/a@${commitOf(2)}`] }]]])
  })
})

test('a sample takes those whose proof is oldest, those never proved first, and at least one', () => {
  const item = (digest: string, verifiedAt: string | null) => ({ repo: 'org/a', digest, bytes: 10, verifiedAt })
  const items = [item('a', ago(1)), item('b', ago(9)), item('c', null), item('d', ago(5))]
  const digests = (bytes?: number) => sampleOf(items, bytes).map(({ digest }) => digest)
  expect([digests(), digests(25), digests(0)]).toEqual([['c', 'b', 'd', 'a'], ['c', 'b'], ['c']])
})
