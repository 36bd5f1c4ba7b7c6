import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BLOCK_BYTES } from '../../../src/adapters/weights/part-file.js'
import { DEFAULT_PARTS } from '../../../src/adapters/weights/transfer/part-tuning.js'
import type { Extent } from '../../../src/domain/cache/extents.js'
import { startChild, type Child } from '../../support/children.js'
import { randomOf } from '../../support/random.js'
import { gitSha1 } from '../../support/sample-model.js'
import { bytesOf, REPO, startBench, WEIGHTS, type Bench } from './support.js'

const MIB = 1 << 20
const SIZE = 64 * MIB + 12_345
const SMALL = [1, 2, 3, 4, 5, 6, 7, 8]
const KILLS = 20
/** A whole download takes about a second. */
const BYTES_PER_SECOND = 10 * MIB
const LATEST_KILL_MS = 800

let bench: Bench
let child: Child | null
beforeEach(async () => {
  child = null
  bench = await startBench(SIZE, Object.fromEntries(SMALL.map((index) => [`small-${index}.txt`, 'x'.repeat(1_000 * index + 1)])))
  bench.hub.misbehave({ kind: 'slow', bytesPerSecond: BYTES_PER_SECOND }, { path: WEIGHTS, method: 'GET' })
})
afterEach(async () => {
  await child?.kill('SIGKILL')
  await bench.close()
})

const start = (): Child =>
  startChild(new URL('../../support/killed-child.mjs', import.meta.url), [bench.hub.url, REPO, bench.hubCache, bench.partials])

/** What the map claims, each block of it checked against what it must hold. */
async function heldExtents(): Promise<Extent[]> {
  const map = await readFile(join(bench.partials, `${bench.digest}.map`)).catch(() => Buffer.alloc(0)) // not begun, or published
  const part = map.length === 0 ? map : await readFile(join(bench.partials, `${bench.digest}.part`))
  const held: Extent[] = []
  for (const [block, mark] of map.entries()) {
    const [from, to] = [block * BLOCK_BYTES, Math.min(SIZE, (block + 1) * BLOCK_BYTES)]
    if (mark !== 1) continue
    expect(part.subarray(from, to).equals(bench.content.subarray(from, to))).toBe(true)
    held.push({ start: from, end: to })
  }
  return held
}

/** Names of the published blobs; each holds what its name says. */
async function published(): Promise<string[]> {
  const folder = dirname(bench.blob())
  const names = await readdir(folder).catch(() => []) // nothing yet
  for (const name of names) {
    const bytes = await readFile(join(folder, name))
    expect(name === bench.digest ? bytes.equals(bench.content) : gitSha1(bytes) === name).toBe(true)
  }
  return names
}

const overlap = (a: Extent[], b: Extent[]): number =>
  a.reduce(
    (sum, one) => sum + b.reduce((each, two) => each + Math.max(0, Math.min(one.end, two.end) - Math.max(one.start, two.start)), 0),
    0,
  )

it(
  `goes on after kill -9 at ${KILLS} random points: nothing wrong, nothing verified lost, little asked for again`,
  { timeout: 180_000 },
  async () => {
    const random = randomOf(20_261)
    const lost: number[] = []
    let finished = 0
    let blobs: string[] = []
    let held: Extent[] = []
    while (lost.length < KILLS) {
      bench.hub.requests.length = 0
      child = start()
      await child.nextLine()
      await Promise.race([sleep(random.below(LATEST_KILL_MS)), child.ended])
      await child.kill('SIGKILL')
      const ended = await child.ended
      expect([0, 'SIGKILL']).toContain(ended)
      // What an earlier process had, as its map says, is not asked for again.
      expect(overlap(bench.ranges(), held)).toBe(0)
      const now = await published()
      expect(now).toEqual(expect.arrayContaining(blobs))
      const before = bytesOf(held)
      held = now.includes(bench.digest) ? [{ start: 0, end: SIZE }] : await heldExtents()
      blobs = now
      if (ended === 'SIGKILL') lost.push(Math.max(0, bench.hub.sentBytes(WEIGHTS) - (bytesOf(held) - before)))
      if (ended !== 0) continue
      finished += 1
      await bench.expectWhole()
      await rm(dirname(bench.hubCache), { recursive: true })
      await mkdir(dirname(bench.hubCache))
      ;[blobs, held] = [[], []]
    }
    child = start()
    while ((await child.nextLine()) && child.lines.length < 2);
    expect(await child.ended).toBe(0)
    await bench.expectWhole()
    expect(await published()).toHaveLength(bench.model.files.length)
    const [most, mean] = [Math.max(...lost), lost.reduce((sum, bytes) => sum + bytes, 0) / KILLS].map((bytes) => (bytes / MIB).toFixed(1))
    process.stdout.write(
      `kill -9: ${KILLS} kills, ${finished} downloads whole before theirs; sent for nothing per kill: mean ${mean} MiB, most ${most} MiB\n`,
    )
    expect(Math.max(...lost)).toBeLessThanOrEqual(2 * DEFAULT_PARTS.leastBytes)
  },
)
