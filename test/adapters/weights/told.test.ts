import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { statisticsOf } from '../../../src/domain/cache/statistics.js'
import { FakeLedger } from '../../support/fake-caches.js'
import { waitFor } from '../../support/wait-for.js'
import { startBench, WEIGHTS, type Bench } from './support.js'

const SIZE = (6 << 20) + 1
/** One range for the whole file: what the hub does to it, it does once. */
const WHOLE = { parts: {} }

let bench: Bench
let ledger: FakeLedger
beforeEach(async () => {
  bench = await startBench(SIZE)
  ledger = new FakeLedger()
})
afterEach(() => bench.close())

const kinds = (): string[] => ledger.events.map((event) => (event.kind === 'asked' ? event.outcome : event.kind))

describe('what the ledger hears of a download', () => {
  it('is where each byte came from, also of a try that failed, and why that failed', async () => {
    bench.hub.misbehave({ kind: 'truncate', after: 3_000_000 }, { path: WEIGHTS, method: 'GET' })
    const failing = bench.store({ ...WHOLE, ledger, retry: { tries: 1 } })
    await expect(failing.ensure(bench.model, bench.model.files, {})).rejects.toMatchObject({ code: 'HubUnreachable' })
    expect(kinds()).toEqual(['failed', 'fetched'])
    bench.hub.behave()
    const mirror = { ...bench.source(), kind: 'mirror' as const, name: 'mirror http://mirror.example' }
    const weights = await bench.store({ ...WHOLE, ledger, sources: () => [mirror] }).ensure(bench.model, bench.model.files, {})
    const { sources, fetchedBytes, failed, missMs } = statisticsOf(ledger.events)
    expect(sources['mirror']).toBe(weights.fetchedBytes)
    expect(sources['hub']).toBeGreaterThan(0)
    expect(fetchedBytes).toBe((sources['hub'] ?? 0) + (sources['mirror'] ?? 0))
    expect(fetchedBytes).toBeGreaterThanOrEqual(weights.bytes)
    expect(failed).toEqual({ HubUnreachable: 1 })
    expect(missMs).toBeGreaterThan(0)
  })

  it('is no hit where the bytes of another download were waited for', async () => {
    bench.hub.misbehave({ kind: 'hold', after: 3_000_000 }, { path: WEIGHTS, method: 'GET' })
    const first = bench.store(WHOLE).ensure(bench.model, bench.model.files, {})
    await waitFor('a request', async () => bench.ranges().length > 0)
    const second = bench.store({ ...WHOLE, ledger }).ensure(bench.model, bench.model.files, {})
    await sleep(300)
    bench.hub.behave()
    await first
    expect((await second).cache).toBe('hit')
    await bench.store({ ...WHOLE, ledger }).ensure(bench.model, bench.model.files, {})
    expect(kinds()).toEqual(['followed', 'hit'])
    expect(statisticsOf(ledger.events)).toMatchObject({ hits: 1, misses: 0, followed: 1, savedBytes: expect.any(Number) })
  })

  it('is no failure when somebody ended it', async () => {
    bench.hub.misbehave({ kind: 'hold', after: 3_000_000 }, { path: WEIGHTS, method: 'GET' })
    const abort = new AbortController()
    const asking = bench.store({ ...WHOLE, ledger }).ensure(bench.model, bench.model.files, { signal: abort.signal })
    await waitFor('a request', async () => bench.ranges().length > 0)
    abort.abort(new Error('enough'))
    await expect(asking).rejects.toThrow('enough')
    expect(kinds()).not.toContain('failed')
  })
})
