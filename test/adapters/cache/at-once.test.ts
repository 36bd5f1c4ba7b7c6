import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import { startHubServer } from '../../../src/hub-server/start.js'
import { startChild } from '../../support/children.js'
import { temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { createTestCache, type TestCache } from './support.js'

const REPO = 'acme/tiny'
const ALL = { policy: { order: 'lru', maxBytes: 0 }, dryRun: false } as const

let test: TestCache
beforeEach(async () => {
  test = await createTestCache()
})
afterEach(() => test.remove())

/** Names that lead to nothing, in the whole cache. */
async function missing(): Promise<string[]> {
  const { repositories } = await test.cache.contents()
  return repositories.flatMap(({ revisions }) => revisions.flatMap((revision) => revision.missing))
}

describe('a cleanup', () => {
  it('beside a download of the same files never makes it fail, nor leaves a link to nothing', { timeout: 60_000 }, async () => {
    const served = await temporaryFolder()
    await writeSampleModel(served.path, REPO, 300_000)
    const server = await startHubServer({ dir: served.path })
    try {
      const hub = createHub({ endpoint: server.url, token: async () => null })
      const model = await hub.pin(REPO, 'main')
      const weights = createWeightStore({
        sources: () => [hubSource(hub, 'hub')],
        hubCache: test.hubCache,
        partials: test.partials,
        durable: false,
      })
      const end = performance.now() + 3_000
      const again = async (): Promise<void> => {
        while (performance.now() < end) {
          await weights.ensure(model, model.files, {})
          await sleep(60 * Math.random())
        }
      }
      let removed = 0
      const clean = async (): Promise<void> => {
        while (performance.now() < end) removed += (await test.cache.prune(ALL, [])).removed.length
      }
      await Promise.all([again(), again(), clean()])
      expect(removed).toBeGreaterThan(3)
      expect(await missing()).toEqual([])
    } finally {
      await server.close()
      await served.remove()
    }
  })

  it('that is killed at any moment leaves nothing wrong, and the next one ends its work', { timeout: 120_000 }, async () => {
    const script = new URL('../../support/prune-child.ts', import.meta.url)
    for (let round = 0; round < 4; round++) {
      for (let repo = 0; repo < 10; repo++)
        await test.revision(
          `models--org--m${repo}`,
          1,
          Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`file-${n}`, `${repo} ${n}`])),
        )
      const child = startChild(script, [test.hubCache, test.partials, join(test.hubCache, '..', 'aim', 'ledger')])
      await child.nextLine()
      await sleep(20 + Math.random() * 400)
      await child.kill('SIGKILL')
      expect(await missing()).toEqual([])
      await test.cache.prune(ALL, [])
      expect(await test.cache.contents()).toMatchObject({ repositories: [], bytes: 0, partialBytes: 0, unknown: [] })
    }
  })
})
