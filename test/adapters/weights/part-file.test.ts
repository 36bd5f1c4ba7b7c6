import { randomBytes } from 'node:crypto'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BLOCK_BYTES, bytesInMap, openPart, type PartFile } from '../../../src/adapters/weights/part-file.js'
import { createHashThreads, type HashThreads } from '../../../src/adapters/weights/transfer/hash-threads.js'
import type { ModelFile } from '../../../src/contracts/model.js'
import { randomOf, type Random } from '../../support/random.js'
import { gitSha1, sha256, temporaryFolder } from '../../support/sample-model.js'

const SIZE = 12 * BLOCK_BYTES + 1_000
const content = randomBytes(SIZE)
const file: ModelFile = { path: 'model.safetensors', size: SIZE, digest: { kind: 'sha256', hex: sha256(content) } }

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let hashes: HashThreads
beforeEach(async () => {
  folder = await temporaryFolder()
  hashes = createHashThreads()
})
afterEach(async () => {
  await hashes.close()
  await folder.remove()
})

const partPath = () => join(folder.path, 'x.part')
const mapPath = () => join(folder.path, 'x.map')
const open = (of = file) => openPart(partPath(), mapPath(), of, hashes)

/** The file in pieces of any size, in any order. */
function pieces(random: Random): { start: number; end: number }[] {
  const list: { start: number; end: number }[] = []
  for (let at = 0; at < SIZE;) {
    const end = Math.min(SIZE, at + 1 + random.below(random.pick([1_000, BLOCK_BYTES, 3 * BLOCK_BYTES])))
    list.push({ start: at, end })
    at = end
  }
  return random.shuffle(list)
}

/** Every block that the map marks holds what it should; answers how many bytes those are. */
async function trustedBytes(): Promise<number> {
  const [map, part] = await Promise.all([readFile(mapPath()), readFile(partPath())])
  for (const [block, mark] of map.entries()) {
    const [start, end] = [block * BLOCK_BYTES, Math.min(SIZE, (block + 1) * BLOCK_BYTES)]
    expect(mark === 0 || part.subarray(start, end).equals(content.subarray(start, end))).toBe(true)
  }
  return bytesInMap(mapPath(), SIZE)
}

const write = (part: PartFile, { start, end }: { start: number; end: number }): Promise<void> =>
  part.write(content.subarray(start, end), start)

it.each([1, 2, 3, 4])('is put together in any order, by several writers at once and over several openings (seed %i)', async (seed) => {
  const random = randomOf(seed)
  let part = await open()
  let todo = pieces(random)
  while (todo.length > 0) {
    await Promise.all(todo.splice(0, 1 + random.below(4)).map((piece) => write(part, piece)))
    expect(await trustedBytes()).toBeLessThanOrEqual(part.extents.bytes())
    if (random.below(6) > 0) continue
    await part.close()
    const known = await trustedBytes()
    part = await open()
    expect([part.extents.bytes(), part.resumed()]).toEqual([known, known > 0])
    todo = part.extents.gaps(SIZE) // what was there by less than a block is asked for again
  }
  expect(await trustedBytes()).toBe(SIZE)
  expect(await part.digest()).toBe(file.digest.hex)
  await part.close()
})

it('hashes as git does where the file is known by that', async () => {
  const part = await open({ ...file, digest: { kind: 'git-sha1', hex: gitSha1(content) } })
  await write(part, { start: 0, end: SIZE })
  expect(await part.digest()).toBe(gitSha1(content))
  await part.close()
})

it('begins anew after clear, and hashes only what came since', async () => {
  const part = await open()
  await part.write(Buffer.alloc(SIZE, 1), 0)
  expect(await part.digest()).not.toBe(file.digest.hex)
  await part.clear()
  expect([part.extents.bytes(), part.resumed(), await bytesInMap(mapPath(), SIZE)]).toEqual([0, false, 0])
  await write(part, { start: 0, end: SIZE })
  expect(await part.digest()).toBe(file.digest.hex)
  await part.close()
})

it('trusts no map that does not belong to the part: of another length, torn, or alone', async () => {
  const first = await open()
  await write(first, { start: 0, end: SIZE })
  await first.close()
  await truncate(partPath(), SIZE - 1)
  const second = await open()
  expect(second.extents.bytes()).toBe(0)
  await second.close()
  await writeFile(mapPath(), Buffer.from([1, 0, 7, 255, 1]))
  expect(await bytesInMap(mapPath(), SIZE)).toBe(2 * BLOCK_BYTES)
  await writeFile(mapPath(), Buffer.alloc(100, 1)) // longer than the file has blocks
  expect(await bytesInMap(mapPath(), SIZE)).toBe(SIZE)
  expect(await bytesInMap(join(folder.path, 'absent.map'), SIZE)).toBe(0)
})
