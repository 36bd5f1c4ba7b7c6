import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryPart } from '../../../../src/adapters/weights/memory-part.js'
import type { PartFile } from '../../../../src/adapters/weights/part-file.js'
import { createPace } from '../../../../src/adapters/weights/transfer/pace.js'
import { DEFAULT_PARTS } from '../../../../src/adapters/weights/transfer/part-tuning.js'
import { createPool } from '../../../../src/adapters/weights/transfer/pool.js'
import { DEFAULT_RETRY } from '../../../../src/adapters/weights/transfer/retry.js'
import { bytesOf, startBench, WEIGHTS, type Bench } from '../support.js'

const MIB = 1 << 20
const SIZE = 12 * MIB + 123

let bench: Bench
beforeEach(async () => {
  bench = await startBench(SIZE)
})
afterEach(() => bench.close())

describe('a file of many parts', () => {
  it('comes over several connections, every byte asked for once', async () => {
    bench.hub.misbehave({ kind: 'slow', bytesPerSecond: 4 * MIB }, { path: WEIGHTS, method: 'GET' })
    const { fetchedBytes } = await bench.store().ensure(bench.model, bench.model.files, {})
    await bench.expectWhole()
    const ranges = bench.ranges().toSorted((a, b) => a.start - b.start)
    expect(new Set(ranges.map(({ connection }) => connection)).size).toBeGreaterThanOrEqual(4)
    expect(bytesOf(ranges)).toBe(SIZE)
    for (const [index, { start }] of ranges.entries()) expect(start).toBe(ranges[index - 1]?.end ?? 0)
    expect(fetchedBytes).toBe(bench.model.files.reduce((sum, { size }) => sum + size, 0))
  })

  it('is located once, however many ranges it takes', async () => {
    await bench.store().ensure(bench.model, bench.model.files, {})
    expect(bench.hub.requests.filter(({ method, path }) => method === 'HEAD' && WEIGHTS.test(path))).toHaveLength(1)
    expect(bench.ranges().length).toBeGreaterThan(8)
  })

  it('takes no more connections than it may', async () => {
    bench.hub.misbehave({ kind: 'slow', bytesPerSecond: 8 * MIB }, { path: WEIGHTS, method: 'GET' })
    await bench.store({ connections: 3 }).ensure(bench.model, bench.model.files, {})
    expect(new Set(bench.ranges().map(({ connection }) => connection)).size).toBeLessThanOrEqual(3)
    await bench.expectWhole()
  })
})

describe('a connection that is far slower than the others', () => {
  const parts = { leastBytes: 2 * MIB, mostBytes: 2 * MIB, judgedAfterMs: 400, sharedAfterMs: 60_000 }

  it('is cut, and what it lacked comes over another one, without a failure', async () => {
    bench.hub.misbehave({ kind: 'slow', bytesPerSecond: 40_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
    bench.hub.misbehave({ kind: 'slow', bytesPerSecond: 2 * MIB }, { path: WEIGHTS, method: 'GET' })
    const began = performance.now()
    await bench.store({ parts, connections: 4, retry: { tries: 1 } }).ensure(bench.model, bench.model.files, {})
    expect(performance.now() - began).toBeLessThan(15_000) // alone it would take 50 s
    await bench.expectWhole()
    const [slow, ...others] = bench.ranges()
    expect(others.some(({ start, end }) => start >= (slow?.start ?? 0) && end === slow?.end)).toBe(true)
  })
})

describe('with the sizes that are in use, a connection that', () => {
  const LARGE = 96 * MIB
  const SLOW = 40_000
  let large: Bench
  beforeEach(async () => {
    large = await startBench(LARGE)
  })
  afterEach(() => large.close())

  it('crawls is cut, although the others are done with their parts before they can be judged', { timeout: 60_000 }, async () => {
    large.hub.misbehave({ kind: 'slow', bytesPerSecond: SLOW }, { path: WEIGHTS, method: 'GET', times: 1 })
    large.hub.misbehave({ kind: 'slow', bytesPerSecond: 12 * MIB }, { path: WEIGHTS, method: 'GET' })
    await large.store({ parts: DEFAULT_PARTS }).ensure(large.model, large.model.files, {})
    await large.expectWhole()
    const [slow, ...others] = large.ranges()
    const again = others.filter(({ start, end }) => start >= (slow?.start ?? 0) && end <= (slow?.end ?? 0))
    // Alone it would have brought the whole of its part: now others brought nearly all of it.
    expect(bytesOf(again)).toBeGreaterThan(6 * MIB)
  })
})

describe('the last part', () => {
  it('is shared with a connection that has nothing else to do', async () => {
    const parts = { leastBytes: 8 * MIB, mostBytes: 8 * MIB, judgedAfterMs: 60_000, sharedAfterMs: 200 }
    bench.hub.misbehave({ kind: 'slow', bytesPerSecond: 1 * MIB }, { path: WEIGHTS, method: 'GET', times: 1 })
    const began = performance.now()
    await bench.store({ parts, connections: 2 }).ensure(bench.model, bench.model.files, {})
    expect(performance.now() - began).toBeLessThan(8_000) // alone it would take 12 s and more
    await bench.expectWhole()
    const [first, ...others] = bench.ranges()
    expect(others.some(({ start, end }) => start > (first?.start ?? 0) && start < (first?.end ?? 0) && end === first?.end)).toBe(true)
  })
})

describe('a disk that is slower than the network', () => {
  it('is not run over: what it cannot take yet waits in the network', async () => {
    const size = 64 * MIB
    await bench.close()
    bench = await startBench(size)
    const file = bench.model.files.find(({ path }) => WEIGHTS.test(path))
    if (file === undefined) throw new Error('no weights')
    let written = 0
    const controller = new AbortController()
    const pool = createPool({
      most: 2,
      files: 1,
      parts: { leastBytes: 32 * MIB, mostBytes: 32 * MIB, judgedAfterMs: 60_000, sharedAfterMs: 60_000 },
    })
    const part: PartFile = {
      ...memoryPart('', { ...file, size: 0 }),
      async write(bytes, at) {
        await sleep(bytes.length / ((2 * MIB) / 1_000))
        expect(bytes.equals(bench.content.subarray(at, at + bytes.length))).toBe(true) // its memory was not used again meanwhile
        written += bytes.length
      },
    }
    const brought = pool.bring({
      model: bench.model,
      file,
      part,
      sources: [bench.source()],
      retry: DEFAULT_RETRY,
      stallMs: 300, // waiting for the disk is no stall
      pace: createPace(),
      signal: controller.signal,
      onBytes: () => {},
    })
    await sleep(2_000)
    const sent = bench.hub.sentBytes(WEIGHTS)
    expect(written).toBeGreaterThan(2 * MIB)
    // Two connections: two slabs each, and what the system holds for a socket on either side.
    expect(sent - written).toBeLessThan(32 * MIB)
    controller.abort(new Error('enough'))
    await expect(brought).rejects.toThrow('enough')
  })
})
