import * as fc from 'fast-check'
import type { CacheEvent } from '../../../src/domain/cache/event.js'
import type { Facts } from '../../../src/domain/cache/candidates.js'
import type { CachePolicy } from '../../../src/domain/cache/policy.js'
import type { CacheScan, ScannedRepository, ScannedRevision, StoredFile } from '../../../src/domain/cache/scan.js'
import { foldEvents } from '../../../src/domain/cache/usage.js'

export const DAY = 86_400_000
export const NOW = Date.parse('2026-11-26T12:00:00.000Z')
export const commitOf = (n: number): string => n.toString(16).repeat(40).slice(0, 40)
export const ago = (ms: number): string => new Date(NOW - ms).toISOString()

export function stored(bytes: number, ageMs = 10 * DAY, links = 1): StoredFile {
  return { bytes, links, readAt: NOW - ageMs, changedAt: NOW - ageMs }
}

/** A repository by the blobs of each of its revisions: `{ a: ['x', 'y'] }` has one revision of two files. Each blob of 100 bytes, ten days old. */
export function repositoryOf(repo: string, revisions: string[][], ageMs = 10 * DAY): ScannedRepository {
  const names = [...new Set(revisions.flat())]
  const blobs = names.map((name) => ({ name, file: stored(100, ageMs), payload: null }))
  return {
    type: 'model',
    repo,
    folder: `models--${repo.replace('/', '--')}`,
    refs: {},
    blobs,
    revisions: revisions.map((files, index): ScannedRevision => ({
      commit: commitOf(index + 1),
      changedAt: NOW - ageMs,
      files: files.map((name) => ({ path: name, blob: name, file: blobs.find((blob) => blob.name === name)?.file ?? null })),
    })),
  }
}

export function scanOf(repositories: ScannedRepository[], change: Partial<CacheScan> = {}): CacheScan {
  return {
    repositories,
    payloads: [],
    partials: [],
    locked: new Set(),
    volume: { freeBytes: 1_000, totalBytes: 10_000 },
    unknown: [],
    ...change,
  }
}

export function factsOf(scan: CacheScan, events: CacheEvent[] = [], change: Partial<Facts> = {}): Facts {
  return { scan, usage: foldEvents(events), inUse: [], now: NOW, ...change }
}

export function asked(repo: string, commit: string, endpoint: string | null, ageMs: number): CacheEvent {
  return { kind: 'asked', at: ago(ageMs), repo, commit, endpoint, outcome: 'hit', bytes: 100, fetchedBytes: 0, ms: 1 }
}

const REPOS = ['org/a', 'org/b', 'org/c']

/** Caches of a few repositories whose revisions share blobs, of all ages, with pins, endpoints, engines and downloads. */
export const anyFacts: fc.Arbitrary<Facts> = fc
  .record({
    repositories: fc.array(
      fc.record({
        revisions: fc.array(fc.array(fc.constantFrom('u', 'v', 'w', 'x', 'y', 'z'), { maxLength: 4 }), { maxLength: 4 }),
        spare: fc.boolean(),
        ages: fc.array(fc.integer({ min: 0, max: 40 * DAY }), { minLength: 12, maxLength: 12 }),
        sizes: fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 12, maxLength: 12 }),
        links: fc.array(fc.constantFrom(1, 1, 1, 2), { minLength: 12, maxLength: 12 }),
      }),
      { minLength: 1, maxLength: REPOS.length },
    ),
    asks: fc.array(
      fc.record({
        repo: fc.constantFrom(...REPOS),
        n: fc.integer({ min: 1, max: 4 }),
        endpoint: fc.constantFrom(null, 'chat', 'code'),
        age: fc.integer({ min: 0, max: 60 * DAY }),
        served: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
    pins: fc.array(fc.record({ repo: fc.constantFrom(...REPOS), n: fc.integer({ min: 0, max: 4 }) }), { maxLength: 2 }),
    inUse: fc.array(fc.record({ repo: fc.constantFrom(...REPOS), n: fc.integer({ min: 0, max: 4 }) }), { maxLength: 2 }),
    partials: fc.array(
      fc.record({
        repo: fc.constantFrom(null, ...REPOS),
        n: fc.integer({ min: 0, max: 4 }),
        age: fc.integer({ min: 0, max: 3 * DAY }),
        live: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    free: fc.integer({ min: 0, max: 20_000 }),
  })
  .map(({ repositories, asks, pins, inUse, partials, free }) => {
    const nth = (n: number): string | null => (n === 0 ? null : commitOf(n))
    const built = repositories.map(({ revisions, spare, ages, sizes, links }, index) => {
      const repository = repositoryOf(REPOS[index] ?? 'org/a', revisions)
      if (spare) repository.blobs.push({ name: 'spare', file: stored(1), payload: null })
      repository.blobs.forEach(({ file }, place) =>
        Object.assign(file, { ...stored(sizes[place] ?? 1, ages[place] ?? 0, links[place] ?? 1) }),
      )
      repository.revisions.forEach((revision, place) => (revision.changedAt = NOW - (ages[place + 7] ?? 0)))
      return repository
    })
    const events = [
      ...asks.flatMap(({ repo, n, endpoint, age, served }): CacheEvent[] => [
        asked(repo, commitOf(n), endpoint, age),
        ...(served && endpoint !== null ? [{ kind: 'served' as const, at: ago(age), endpoint, repo, commit: commitOf(n) }] : []),
      ]),
      ...pins.map(({ repo, n }): CacheEvent => ({ kind: 'pinned', at: ago(0), repo, commit: nth(n), actor: 'test', reason: null })),
    ].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
    const scan = scanOf(built, {
      volume: { freeBytes: free, totalBytes: 20_000 },
      partials: partials.map(({ repo, n, age, live }, index) => ({
        id: `${index}`,
        repo,
        commit: nth(n),
        bytes: 10,
        changedAt: NOW - age,
        live,
      })),
    })
    return factsOf(scan, events, { inUse: inUse.map(({ repo, n }) => ({ repo, commit: nth(n) })) })
  })

export const anyPolicy: fc.Arbitrary<CachePolicy> = fc.record(
  {
    maxBytes: fc.integer({ min: 0, max: 5_000 }),
    freeLow: fc.constantFrom(0, 0.1, 0.5),
    maxIdleDays: fc.integer({ min: 1, max: 30 }),
    keepRevisions: fc.integer({ min: 1, max: 3 }),
    order: fc.constantFrom('lru', 'lfu'),
  },
  { requiredKeys: ['order'] },
)
