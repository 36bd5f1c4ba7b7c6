import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFenceStore } from '../../../src/adapters/fences/create-fence-store.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aim-fences-'))
})
afterEach(() => rm(folder, { recursive: true }))

const open = () => createFenceStore({ file: join(folder, 'nodes', 'n.fences.json'), nodeId: 'n' })
const start = (fence: number, gpus = [0, 1], endpoint = 'chat') => ({ endpoint, replica: 0, gpus, fence })

test('remembers the highest fence beyond its process', async () => {
  expect(await open().highest()).toBe(0)
  await open().check(start(5))
  await open().check(start(9, [3], 'other'))
  expect(await open().highest()).toBe(9)
})

test('the same lease starts again; one that was overtaken on a GPU or as a replica does not', async () => {
  const fences = open()
  await fences.check(start(5))
  await fences.check(start(5))
  const text = await readFile(join(folder, 'nodes', 'n.fences.json'), 'utf8')
  await expect(fences.check(start(4, [1, 2], 'other'))).rejects.toMatchObject({ code: 'LeaseFenced', details: { highest: 5, fence: 4 } })
  await expect(fences.check(start(4, [7]))).rejects.toThrow('the lease 4 of chat on n has been overtaken by 5')
  expect(await readFile(join(folder, 'nodes', 'n.fences.json'), 'utf8')).toBe(text)
  await fences.check(start(4, [2], 'other'))
})

test('two stores that check at the same time lose nothing', async () => {
  const [one, other] = [open(), open()]
  const names = Array.from({ length: 10 }, (_, index) => `e${index}`)
  await Promise.all(names.map((name, index) => (index % 2 === 0 ? one : other).check(start(index + 1, [index], name))))
  const kept = JSON.parse(await readFile(join(folder, 'nodes', 'n.fences.json'), 'utf8')) as Record<string, number>
  expect(Object.keys(kept)).toHaveLength(20)
  expect(await readdir(join(folder, 'nodes'))).not.toContain('n.fences.json.next')
})

test('what cannot be read refuses every start', async () => {
  const fences = open()
  await fences.check(start(5))
  await writeFile(join(folder, 'nodes', 'n.fences.json'), '{"gpu/0": 5')
  await expect(fences.check(start(6))).rejects.toThrow('n.fences.json cannot be read')
})

test('a fence that was revoked starts nothing of its endpoint any more; the next one does, and others do', async () => {
  const fences = open()
  await fences.revoke('chat', 5)
  await fences.revoke('chat', 3)
  await expect(fences.check(start(5))).rejects.toMatchObject({ code: 'LeaseFenced', details: { highest: 6, fence: 5 } })
  await fences.check(start(5, [2], 'other'))
  await fences.check(start(6))
  expect(await open().highest()).toBe(6)
})

test('up to the fence that the owner of the node told, only the leases that it told start', async () => {
  const fences = open()
  fences.keepOnly({ fence: 7, leases: [{ endpoint: 'chat', replica: 0, fence: 5 }], unheard: [] })
  await fences.check(start(5))
  await expect(fences.check(start(6, [2], 'other'))).rejects.toMatchObject({ code: 'LeaseFenced', details: { fence: 6, highest: 7 } })
  await expect(fences.check(start(5, [2], 'other'))).rejects.toMatchObject({ code: 'LeaseFenced' })
  await fences.check(start(8, [2], 'other'))
})
