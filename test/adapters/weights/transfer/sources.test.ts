import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WeightSource } from '../../../../src/ports/weight-source.js'
import type { MisbehavingHub } from '../../../support/misbehaving-hub.js'
import { bytesOf, startBench, WEIGHTS, type Bench } from '../support.js'

const MIB = 1 << 20
const SIZE = 6 * MIB + 77

let bench: Bench
let mirror: MisbehavingHub
beforeEach(async () => {
  bench = await startBench(SIZE)
  mirror = await bench.another()
})
afterEach(() => bench.close())

/** The mirror first, then the hub. */
const sources = (): WeightSource[] => [bench.source(mirror, 'mirror'), bench.source(bench.hub, 'hub')]
const ensure = (options = {}) => bench.store({ sources: () => sources(), ...options }).ensure(bench.model, bench.model.files, {})
const asked = (of: MisbehavingHub) => of.requests.filter(({ path }) => WEIGHTS.test(path)).length

describe('a first source that does not have the file', () => {
  it.each([404, 403, 410])('says %i: the next one is asked at once, and that is all', async (status) => {
    mirror.misbehave({ kind: 'status', status }, { path: WEIGHTS })
    expect(await ensure({ retry: { tries: 2, baseMs: 1, maxMs: 2 } })).toMatchObject({ cache: 'miss' })
    await bench.expectWhole()
    expect(asked(mirror)).toBeLessThanOrEqual(2)
    expect(bytesOf(bench.ranges())).toBe(SIZE)
  })

  it('that is not there at all does not hold anybody up', async () => {
    await mirror.close()
    expect(await ensure({ retry: { tries: 2, baseMs: 1, maxMs: 2 } })).toMatchObject({ cache: 'miss' })
    await bench.expectWhole()
    mirror = await bench.another()
  })

  it('never says whether it has it: the next one is asked', { timeout: 10_000 }, async () => {
    const { kind, name, read } = bench.source(mirror, 'mirror')
    const silent: WeightSource = { kind, name, read, locate: () => new Promise(() => {}) }
    const retry = { tries: 2, baseMs: 1, maxMs: 2, mostLocateMs: 100 }
    await ensure({ sources: () => [silent, bench.source(bench.hub, 'hub')], retry })
    await bench.expectWhole()
    expect(asked(mirror)).toBe(0)
  })

  it('and a second that has not either: the failure of the last one that knew', async () => {
    mirror.misbehave({ kind: 'status', status: 404 }, { path: WEIGHTS })
    bench.hub.misbehave({ kind: 'status', status: 401 }, { path: WEIGHTS })
    await expect(ensure()).rejects.toMatchObject({ code: 'HubAuth' })
    expect(await bench.published()).toBe('absent')
  })
})

describe('a first source that fails on the way', () => {
  it('with 500: what it had brought is kept, and only the rest comes from the next', async () => {
    mirror.misbehave({ kind: 'truncate', after: 700_000 }, { path: WEIGHTS, method: 'GET', times: 4 })
    mirror.misbehave({ kind: 'status', status: 500 }, { path: WEIGHTS, method: 'GET', skip: 4 })
    const weights = await ensure({ connections: 4, retry: { tries: 2, baseMs: 1, maxMs: 2 } })
    await bench.expectWhole()
    expect(weights.fetchedBytes).toBe(bench.model.files.reduce((sum, { size }) => sum + size, 0))
    expect(mirror.sentBytes(WEIGHTS)).toBeGreaterThan(MIB)
    expect(bytesOf(bench.ranges())).toBeLessThan(SIZE)
  })

  it('by standing still: the next one goes on', async () => {
    mirror.misbehave({ kind: 'stall', after: 300_000 }, { path: WEIGHTS, method: 'GET' })
    await ensure({ stallMs: 800, retry: { tries: 2, baseMs: 1, maxMs: 2 } })
    await bench.expectWhole()
    expect(mirror.sentBytes(WEIGHTS)).toBeGreaterThan(0)
  })
})

describe('a first source that brings wrong bytes', () => {
  it('is not asked again: the whole file comes from the next', async () => {
    mirror.misbehave({ kind: 'flip', at: 1_000 }, { path: WEIGHTS, method: 'GET' })
    const weights = await ensure()
    await bench.expectWhole()
    expect(bytesOf(bench.ranges(mirror))).toBe(SIZE)
    expect(bytesOf(bench.ranges())).toBe(SIZE)
    expect(weights.sources).toEqual({ hub: weights.fetchedBytes }) // both are of the kind `hub` here
  })

  it('and then fails: the one that is right still gets its chance', async () => {
    mirror.misbehave({ kind: 'flip', at: 1_000 }, { path: WEIGHTS, method: 'GET' })
    mirror.misbehave({ kind: 'truncate', after: 700_000 }, { path: WEIGHTS, method: 'GET' })
    await ensure({ connections: 4, retry: { tries: 2, baseMs: 1, maxMs: 2 } })
    await bench.expectWhole()
    expect(bytesOf(bench.ranges())).toBeLessThanOrEqual(2 * SIZE)
  })

  it('as all others do: DigestMismatch, and nothing is published or left', async () => {
    for (const each of [mirror, bench.hub]) each.misbehave({ kind: 'flip', at: 1_000 }, { path: WEIGHTS, method: 'GET' })
    await expect(ensure()).rejects.toMatchObject({ code: 'DigestMismatch', details: { expected: bench.digest } })
    await expect(readFile(bench.blob())).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await bench.leftovers()).toEqual([])
  })
})
