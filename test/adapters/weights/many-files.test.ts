import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import type { TransferProgress } from '../../../src/contracts/model.js'
import { startMemoryHub, type MemoryHub } from '../../support/memory-hub.js'
import { temporaryFolder } from '../../support/sample-model.js'

const REPO = 'acme/many'
const FILES = 10_000

let local: Awaited<ReturnType<typeof temporaryFolder>>
let hub: MemoryHub
beforeEach(async () => {
  local = await temporaryFolder()
})
afterEach(async () => {
  await hub.close()
  await local.remove()
})

function client() {
  const hubClient = createHub({ endpoint: hub.url, token: async () => null })
  const store = createWeightStore({
    sources: () => [hubSource(hubClient)],
    hubCache: join(local.path, 'hub'),
    partials: join(local.path, 'aim'),
    durable: false,
  })
  return { hubClient, store }
}

describe(`${FILES} small files`, () => {
  const files = new Map(
    Array.from({ length: FILES }, (_, index) => [
      `data/${index % 100}/${index}.json`,
      Buffer.from(`{"index":${index},"x":"${'y'.repeat(index % 700)}"}`),
    ]),
  )

  it('come with one request each over few connections, in bounded memory, and are all right', { timeout: 180_000 }, async () => {
    hub = await startMemoryHub(REPO, files)
    const { hubClient, store } = client()
    const model = await hubClient.pin(REPO, 'main')
    const before = process.memoryUsage().rss
    const warnings: string[] = []
    const warned = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', warned)
    let most = 0
    let last: TransferProgress | undefined
    const { path } = await store.ensure(model, model.files, {
      onProgress(progress) {
        most = Math.max(most, process.memoryUsage().rss)
        last = progress
      },
    })
    process.off('warning', warned)
    expect(warnings).toEqual([])
    expect(hub.requests).toHaveLength(FILES + 1)
    expect(last).toMatchObject({ filesDone: FILES, filesTotal: FILES })
    expect(most - before).toBeLessThan(200 << 20)
    for (const [name, content] of files) if (!(await readFile(join(path, name))).equals(content)) throw new Error(`${name} is wrong`)
    expect(await readdir(local.path)).toEqual(['hub'])
    expect(await store.ensure(model, model.files, {})).toMatchObject({ cache: 'hit', fetchedBytes: 0 })
    expect(hub.requests).toHaveLength(FILES + 1)
  })
})

describe('a listing with hostile names', () => {
  it.each(['../out', 'a/../../out', '/etc/out', 'a\\..\\out', 'a\u0000b', './a', 'a//b', '..', '', 'a/', 'C:\\out\u0001'])(
    '%j is refused before anything is fetched or written',
    async (name) => {
      hub = await startMemoryHub(
        REPO,
        new Map([
          ['config.json', Buffer.from('{}')],
          [name, Buffer.from('x')],
        ]),
      )
      const { hubClient, store } = client()
      await expect(hubClient.pin(REPO, 'main')).rejects.toMatchObject({ code: 'HubProtocol' })
      const file = { path: name, size: 1, digest: { kind: 'git-sha1' as const, hex: 'a'.repeat(40) } }
      const model = { repo: REPO, ref: 'main', commit: 'a'.repeat(40), files: [file] }
      await expect(store.ensure(model, model.files, {})).rejects.toMatchObject({ code: 'InvalidInput' })
      expect(await readdir(local.path)).toEqual([])
      expect(hub.requests.filter((line) => line.includes('/resolve/'))).toEqual([])
    },
  )
})
