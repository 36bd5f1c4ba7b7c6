import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import { bytesInMap } from '../../../src/adapters/weights/part-file.js'
import { startChild, type Child } from '../../support/children.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { sha256, temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { waitFor } from '../../support/wait-for.js'

const REPO = 'acme/tiny'
const SIZE = 8_000_000
const HELD_AT = 6_000_000
const WEIGHTS = /model\.safetensors/

let served: Awaited<ReturnType<typeof temporaryFolder>>
let local: Awaited<ReturnType<typeof temporaryFolder>>
let hub: MisbehavingHub
let content: Buffer
let children: Child[]

beforeEach(async () => {
  served = await temporaryFolder()
  local = await temporaryFolder()
  content = (await writeSampleModel(served.path, REPO, SIZE)).get('model.safetensors') ?? Buffer.alloc(0)
  hub = await startMisbehavingHub(served.path)
  children = []
})
afterEach(async () => {
  for (const child of children) await child.kill('SIGKILL')
  await hub.close()
  await served.remove()
  await local.remove()
})

const hubCache = () => join(local.path, 'hub')
const partials = () => join(local.path, 'partials')
const partSize = () => bytesInMap(join(partials(), `${sha256(content)}.map`), SIZE)
const rangeStarts = () =>
  hub.requests
    .filter(({ method, path }) => method === 'GET' && WEIGHTS.test(path))
    .map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1]))

function download(): Child {
  const child = startChild(new URL('../../support/download-child.ts', import.meta.url), [hub.url, REPO, hubCache(), partials()])
  children.push(child)
  return child
}

async function expectPublished(): Promise<void> {
  const blob = join(hubCache(), 'models--acme--tiny', 'blobs', sha256(content))
  expect((await readFile(blob)).equals(content)).toBe(true)
  expect(await readdir(partials()).catch(() => [])).toEqual([])
}

it('continues where a process that was killed with -9 stopped', { timeout: 60_000 }, async () => {
  hub.misbehave({ kind: 'hold', after: HELD_AT }, { path: WEIGHTS, method: 'GET' })
  const child = download()
  await waitFor('bytes on disk', async () => (await partSize()) >= HELD_AT - 2_000_000)
  await child.kill('SIGKILL')
  hub.behave()
  const kept = await partSize()
  const store = createWeightStore({
    sources: () => [hubSource(createHub({ endpoint: hub.url, token: async () => null }))],
    hubCache: hubCache(),
    partials: partials(),
  })
  const model = await createHub({ endpoint: hub.url, token: async () => null }).pin(REPO, 'main')
  const weights = await store.ensure(model, model.files, {})
  expect(rangeStarts()).toEqual([0, kept])
  expect(weights.fetchedBytes).toBeLessThanOrEqual(SIZE - kept + 100)
  await expectPublished()
})

it('moves one blob once for two processes, and the second sees it move', { timeout: 60_000 }, async () => {
  hub.misbehave({ kind: 'hold', after: HELD_AT }, { path: WEIGHTS, method: 'GET' })
  const pair = [download(), download()]
  for (const child of pair) {
    await child.nextLine()
    expect(await child.nextLine()).toEqual({ saw: expect.any(Number) })
  }
  hub.behave()
  const results = (await Promise.all(pair.map((child) => child.nextLine()))) as { fetchedBytes: number }[]
  expect(await Promise.all(pair.map(({ ended }) => ended))).toEqual([0, 0])
  expect(rangeStarts()).toEqual([0])
  expect(hub.sentBytes(WEIGHTS)).toBe(SIZE)
  const [second, first] = results.toSorted((a, b) => a.fetchedBytes - b.fetchedBytes)
  expect(first?.fetchedBytes).toBeGreaterThanOrEqual(SIZE)
  expect(second?.fetchedBytes).toBeLessThan(100)
  await expectPublished()
})

it('takes over from a process that was killed while another waited for it', { timeout: 60_000 }, async () => {
  hub.misbehave({ kind: 'hold', after: HELD_AT }, { path: WEIGHTS, method: 'GET', times: 1 })
  const first = download()
  await waitFor('bytes on disk', async () => (await partSize()) >= HELD_AT - 2_000_000)
  const second = download()
  await second.nextLine()
  expect(await second.nextLine()).toEqual({ saw: expect.any(Number) })
  await first.kill('SIGKILL')
  const kept = await partSize()
  expect(await second.nextLine()).toMatchObject({ cache: 'miss' })
  expect(await second.ended).toBe(0)
  expect(rangeStarts()).toEqual([0, kept])
  await expectPublished()
})
