import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPace } from '../../../../src/adapters/weights/transfer/pace.js'
import { startBench, WEIGHTS, type Bench } from '../support.js'

const SIZE = 4_000_000

let bench: Bench
beforeEach(async () => {
  bench = await startBench(SIZE)
})
afterEach(() => bench.close())

describe('a hub that asks to be left alone', () => {
  it('is left alone by all downloads of the process, for as long as it asked', async () => {
    const times: number[] = []
    const store = bench.store({ connections: 1 })
    bench.hub.misbehave({ kind: 'status', status: 429, headers: { 'retry-after': '1' } }, { path: WEIGHTS, times: 1 })
    const first = store.ensure(bench.model, bench.model.files, {})
    while (!bench.hub.requests.some(({ status }) => status === 429)) await new Promise((resolve) => setTimeout(resolve, 5))
    const since = performance.now()
    const before = bench.hub.requests.length
    const small = bench.model.files.filter(({ path }) => path === 'config.json')
    const second = store.ensure({ ...bench.model, repo: 'acme/other' }, small, {}).catch((error: unknown) => error)
    const watch = setInterval(() => {
      if (bench.hub.requests.length > before + times.length) times.push(performance.now() - since)
    }, 5)
    await Promise.all([first, second])
    clearInterval(watch)
    await bench.expectWhole()
    expect(times.length).toBeGreaterThan(0)
    expect(Math.min(...times)).toBeGreaterThan(900)
  })

  it('for longer than anybody waits, is given up at once, and the next source is asked', async () => {
    const mirror = await bench.another()
    mirror.misbehave({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }, { path: WEIGHTS })
    const began = performance.now()
    await bench.store({ sources: () => [bench.source(mirror, 'mirror'), bench.source()] }).ensure(bench.model, bench.model.files, {})
    expect(performance.now() - began).toBeLessThan(10_000)
    await bench.expectWhole()
  })
})

describe('createPace', () => {
  it('lets others go on while one source rests, and ends a wait that is aborted', async () => {
    const pace = createPace()
    pace.rest('hub', 60_000)
    await pace.turn('mirror', new AbortController().signal)
    const controller = new AbortController()
    const waiting = pace.turn('hub', controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  it('never shortens a rest', async () => {
    const pace = createPace()
    pace.rest('hub', 200)
    pace.rest('hub', 1)
    const began = performance.now()
    await pace.turn('hub', new AbortController().signal)
    expect(performance.now() - began).toBeGreaterThanOrEqual(195)
  })
})
