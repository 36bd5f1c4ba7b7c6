import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { temporaryFolder } from '../../support/sample-model.js'

const REPO = 'acme/large'
const SIZE = 320 << 20

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let hub: MisbehavingHub
afterEach(async () => {
  await hub.close()
  await folder.remove()
})

it('a large file passes through little memory, whatever its size', { timeout: 120_000 }, async () => {
  folder = await temporaryFolder()
  await mkdir(join(folder.path, 'served', REPO), { recursive: true })
  const handle = await open(join(folder.path, 'served', REPO, 'model.safetensors'), 'w')
  await handle.truncate(SIZE) // nothing but a size: it takes no room on the disk of the hub
  await handle.close()
  hub = await startMisbehavingHub(join(folder.path, 'served'))
  const client = createHub({ endpoint: hub.url, token: async () => null })
  const store = createWeightStore({
    sources: () => [hubSource(client)],
    hubCache: join(folder.path, 'hub'),
    partials: join(folder.path, 'aim'),
    durable: false,
  })
  const model = await client.pin(REPO, 'main')
  const before = process.memoryUsage().rss
  let most = 0
  const { fetchedBytes } = await store.ensure(model, model.files, {
    onProgress: () => void (most = Math.max(most, process.memoryUsage().rss)),
  })
  expect(fetchedBytes).toBeGreaterThanOrEqual(SIZE)
  expect(fetchedBytes).toBeLessThan(1.1 * SIZE) // shared ends come twice in part
  // Of the hub and its proxy in this process as well.
  expect(most - before).toBeLessThan(200 << 20)
  process.stdout.write(`${SIZE >> 20} MiB: ${Math.round((most - before) / 2 ** 20)} MiB more memory, with the hub in the same process\n`)
})
