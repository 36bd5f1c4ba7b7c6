import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evictableBytes, planPrune, type PrunePlan } from '../../../src/domain/cache/plan-prune.js'
import { bytesOver, heldBytes } from '../../../src/domain/cache/pressure.js'
import { FRESH_MS } from '../../../src/domain/cache/protect.js'
import type { CacheScan } from '../../../src/domain/cache/scan.js'
import { foldEvents } from '../../../src/domain/cache/usage.js'
import { DAY, NOW, ago, anyFacts, anyPolicy, asked, commitOf, factsOf, repositoryOf, scanOf, stored } from './scans.js'

const ids = (plan: Pick<PrunePlan, 'removals'>): string[] => plan.removals.map(({ id }) => id)
const lru = { order: 'lru' } as const
const old = (repo: string, n: number): string => `${repo}@${commitOf(n)}`

/** What stays on disk when a plan was carried out: blobs by `repo#name`, and revisions. */
function after(scan: CacheScan, plan: PrunePlan) {
  const gone = new Set(ids(plan))
  const revisions = scan.repositories.flatMap(({ repo, revisions }) => revisions.map((revision) => ({ repo, revision })))
  const left = revisions.filter(({ repo, revision }) => !gone.has(`${repo}@${revision.commit}`))
  return { left, lost: revisions.filter((each) => !left.includes(each)) }
}

describe('for every cache and every policy', () => {
  test('what is protected stays, by rules written a second time', () => {
    fc.assert(
      fc.property(anyFacts, anyPolicy, (facts, policy) => {
        const { lost } = after(facts.scan, planPrune({ ...facts, policy }))
        for (const { repo, revision } of lost) {
          const key = `${repo}@${revision.commit}`
          const used = facts.inUse.filter((each) => each.repo === repo)
          expect(used.filter(({ commit }) => commit === null || commit === revision.commit)).toEqual([])
          expect(facts.usage.pins.has(repo) || facts.usage.pins.has(key)).toBe(false)
          for (const { served, asked } of facts.usage.endpoints.values())
            expect([...served, ...(served.length === 0 ? asked.slice(0, 2) : asked)]).not.toContain(key)
          const at = facts.usage.asked.get(key)?.at
          expect(NOW - Date.parse(at ?? ago(DAY))).toBeGreaterThanOrEqual(FRESH_MS)
          for (const { file } of revision.files) expect(NOW - (file?.readAt ?? 0)).toBeGreaterThanOrEqual(FRESH_MS)
          const downloads = facts.scan.partials.filter(
            (partial) => partial.repo === repo && (partial.live || NOW - partial.changedAt < DAY),
          )
          expect(downloads.filter(({ commit }) => commit === null || commit === revision.commit)).toEqual([])
        }
      }),
      { numRuns: 500 },
    )
  })

  test('it frees what the policy asks for, or all that may go and says how much is short', () => {
    fc.assert(
      fc.property(anyFacts, anyPolicy, (facts, policy) => {
        const plan = planPrune({ ...facts, policy })
        const most = evictableBytes(facts)
        const left = heldBytes(facts.scan) - plan.freedBytes
        const isKept =
          left <= (policy.maxBytes ?? left) && bytesOver({ ...policy, maxBytes: undefined }, facts.scan, plan.freedBytes) <= plan.freedBytes
        expect(plan.freedBytes).toBeLessThanOrEqual(most)
        expect(plan.shortBytes > 0 ? plan.freedBytes === most : isKept).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('freed bytes are those of files whose last name went', () => {
    fc.assert(
      fc.property(anyFacts, anyPolicy, (facts, policy) => {
        const plan = planPrune({ ...facts, policy })
        const gone = new Set(ids(plan))
        const { left } = after(facts.scan, plan)
        let freed = plan.removals.filter(({ kind }) => kind === 'partial').reduce((sum, { bytes }) => sum + bytes, 0)
        for (const { repo, revisions, blobs } of facts.scan.repositories) {
          for (const { name, file } of blobs) {
            const linked = (each: { revision: { files: { blob: string | null }[] } }) =>
              each.revision.files.some(({ blob }) => blob === name)
            const was = revisions.some((revision) => linked({ revision }))
            const is = left.some((each) => each.repo === repo && linked(each))
            if (file.links === 1 && (gone.has(`${repo}#${name}`) || (was && !is))) freed += file.bytes
          }
        }
        expect(plan.freedBytes).toBe(freed)
      }),
      { numRuns: 500 },
    )
  })

  test('the same facts in another order give the same plan', () => {
    fc.assert(
      fc.property(anyFacts, anyPolicy, (facts, policy) => {
        const scan = {
          ...facts.scan,
          partials: facts.scan.partials.toReversed(),
          repositories: facts.scan.repositories
            .toReversed()
            .map((repository) => ({ ...repository, blobs: repository.blobs.toReversed(), revisions: repository.revisions.toReversed() })),
        }
        expect(ids(planPrune({ ...facts, scan, policy }))).toEqual(ids(planPrune({ ...facts, policy })))
      }),
    )
  })

  test('the ids of a dry run are the whole of what `only` removes', () => {
    fc.assert(
      fc.property(anyFacts, anyPolicy, (facts, policy) => {
        const plan = planPrune({ ...facts, policy })
        const again = planPrune({ ...facts, policy, only: ids(plan) })
        expect([ids(again), again.freedBytes, again.kept]).toEqual([ids(plan), plan.freedBytes, []])
        const none = planPrune({ ...facts, policy, only: [] })
        expect(none.removals).toEqual([])
      }),
    )
  })
})

describe('policies', () => {
  test('without any limit only leftovers go', () => {
    const repository = repositoryOf('org/a', [['x']])
    repository.blobs.push({ name: 'lonely', file: stored(7), payload: null }, { name: 'new', file: stored(7, FRESH_MS - 1), payload: null })
    const partial = { repo: 'org/a', commit: null, bytes: 5 }
    const scan = scanOf([repository], {
      partials: [
        { ...partial, id: 'dead', changedAt: NOW - DAY, live: false },
        { ...partial, id: 'young', changedAt: NOW - DAY + 1, live: false },
        { ...partial, id: 'live', changedAt: NOW - 9 * DAY, live: true },
      ],
    })
    const plan = planPrune({ ...factsOf(scan), policy: lru })
    expect(ids(plan)).toEqual(['partial:dead', 'org/a#lonely'])
    expect([plan.freedBytes, plan.shortBytes]).toEqual([12, 0])
  })

  test('least recently used goes first, least often used where that is asked for', () => {
    const scan = scanOf(['org/a', 'org/b', 'org/c'].map((repo) => repositoryOf(repo, [['x']], 50 * DAY)))
    const events = [
      ...[5, 4].map((days) => asked('org/a', commitOf(1), null, days * DAY)),
      asked('org/b', commitOf(1), null, 2 * DAY),
      ...[9, 8, 7].map((days) => asked('org/c', commitOf(1), null, days * DAY)),
    ].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
    const plan = (order: 'lru' | 'lfu') => ids(planPrune({ ...factsOf(scan, events), policy: { order, maxBytes: 150 } }))
    expect(plan('lru')).toEqual([old('org/c', 1), old('org/a', 1)])
    expect(plan('lfu')).toEqual([old('org/b', 1), old('org/a', 1)])
  })

  test('below the low watermark it frees up to the high one', () => {
    const scan = scanOf([repositoryOf('org/a', [['u'], ['v'], ['w'], ['x']])], { volume: { freeBytes: 950, totalBytes: 10_000 } })
    const plan = (freeLow: number, freeHigh: number) => planPrune({ ...factsOf(scan), policy: { ...lru, freeLow, freeHigh } }).freedBytes
    expect([plan(0.09, 0.5), plan(0.1, 0.11), plan(0.1, 0.125)]).toEqual([0, 200, 300])
  })

  test('the newest used revisions are kept, and idle ones go, each with its reason', () => {
    const repository = repositoryOf('org/a', [['u'], ['v'], ['w']], 40 * DAY)
    const events = [asked('org/a', commitOf(3), null, 3 * DAY), asked('org/a', commitOf(2), null, 2 * DAY)]
    const byCount = planPrune({ ...factsOf(scanOf([repository]), events), policy: { ...lru, keepRevisions: 1 } })
    expect(byCount.removals.map(({ id, why }) => [id, why])).toEqual([
      [old('org/a', 3), 'beyond the 1 newest used of org/a'],
      [old('org/a', 1), 'beyond the 1 newest used of org/a'],
    ])
    const byAge = planPrune({ ...factsOf(scanOf([repository]), events), policy: { ...lru, maxIdleDays: 30 } })
    expect(byAge.removals.map(({ id, why }) => [id, why])).toEqual([[old('org/a', 1), 'not used for 40 days, and 30 is the most']])
  })

  test('what an endpoint would roll back to stays until it is taken out of service', () => {
    const scan = scanOf([repositoryOf('org/a', [['u'], ['v'], ['w']])])
    const events = [3, 2, 1].map((n) => asked('org/a', commitOf(n), 'chat', n * DAY))
    const plan = planPrune({ ...factsOf(scan, events), policy: { ...lru, maxBytes: 0 } })
    expect(ids(plan)).toEqual([old('org/a', 3)])
    expect(plan.kept.map(({ why }) => why)).toContainEqual(
      'endpoint chat may need it, now or for a rollback (least recently used: at most 0 B in the cache)',
    )
    expect(plan.shortBytes).toBe(200)
    const released = foldEvents([...events, { kind: 'released', at: ago(0), endpoint: 'chat' }])
    expect(planPrune({ ...factsOf(scan), usage: released, policy: { ...lru, maxBytes: 0 } }).removals).toHaveLength(3)
  })

  test('a revision that shares all with a protected one is not lost for nothing', () => {
    const scan = scanOf([repositoryOf('org/a', [['u', 'v'], ['u']]), repositoryOf('org/b', [['x']], 5 * DAY)])
    const facts = factsOf(scan, [], { inUse: [{ repo: 'org/a', commit: commitOf(1) }] })
    expect(ids(planPrune({ ...facts, policy: { ...lru, maxBytes: 200 } }))).toEqual([old('org/b', 1)])
  })

  test('a shared file comes free with its last link, and never where its list is missing', () => {
    const [a, b] = [repositoryOf('org/a', [['x']]), repositoryOf('org/b', [['y']])]
    const file = stored(1_000)
    for (const repository of [a, b]) {
      for (const blob of repository.blobs) Object.assign(blob, { file, payload: 'f'.repeat(64) })
      for (const each of repository.revisions[0]?.files ?? []) each.file = file
    }
    const plan = (references: number | null) =>
      planPrune({ ...factsOf(scanOf([a, b], { payloads: [{ hash: 'f'.repeat(64), file, references }] })), policy: { ...lru, maxBytes: 0 } })
    expect([plan(2).freedBytes, plan(2).shortBytes]).toEqual([1_000, 0])
    expect([plan(3).freedBytes, plan(3).removals, plan(3).shortBytes]).toEqual([0, [], 1_000])
    expect([plan(null).removals, plan(null).shortBytes]).toEqual([[], 1_000])
  })

  test('what is listed and may not go any more stays, and is named', () => {
    const scan = scanOf([repositoryOf('org/a', [['u'], ['v']])])
    const only = [old('org/a', 1), old('org/a', 2), old('org/gone', 1), 'partial:gone']
    const plan = planPrune({ ...factsOf(scan, [asked('org/a', commitOf(2), null, 1)]), policy: lru, only })
    expect(ids(plan)).toEqual([old('org/a', 1)])
    expect(plan.kept.map(({ id, why }) => [id, why])).toEqual([
      [old('org/a', 2), 'it was used within the last hour'],
      [old('org/gone', 1), 'it is not there any more, or in use again'],
      ['partial:gone', 'it is not there any more, or in use again'],
    ])
  })
})
