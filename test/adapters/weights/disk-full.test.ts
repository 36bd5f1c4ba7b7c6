import { readdir, writeFile, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import { headroom } from '../../../src/adapters/weights/disk.js'
import type { PinnedModel } from '../../../src/contracts/model.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { canMountTmpfs, mountTmpfs, type Tmpfs } from '../../support/tmpfs.js'
import { waitFor } from '../../support/wait-for.js'

const MIB = 1 << 20

it('leaves 64 MiB free, less on a small volume', () => {
  expect(headroom(1e12)).toBe(64 * MIB)
  expect(headroom(100 * MIB)).toBe(MIB)
})

describe.skipIf(!canMountTmpfs())('on a small file system of its own (needs the right to mount)', () => {
  let served: Awaited<ReturnType<typeof temporaryFolder>>
  let hub: MisbehavingHub
  let tmpfs: Tmpfs
  let model: PinnedModel

  beforeEach(async () => {
    served = await temporaryFolder()
    await writeSampleModel(served.path, 'acme/tiny', 12 * MIB)
    hub = await startMisbehavingHub(served.path)
    model = await client().pin('acme/tiny', 'main')
    const mounted = mountTmpfs(16)
    if (mounted === null) throw new Error('cannot mount')
    tmpfs = mounted
  })
  afterEach(async () => {
    await hub.close()
    await served.remove()
    tmpfs.unmount()
  })
  const client = () => createHub({ endpoint: hub.url, token: async () => null })
  const store = () =>
    createWeightStore({ sources: () => [hubSource(client())], hubCache: join(tmpfs.path, 'hub'), partials: join(tmpfs.path, 'aim') })

  it('says so before the first byte, with both numbers', async () => {
    await writeFile(join(tmpfs.path, 'other'), Buffer.alloc(8 * MIB))
    hub.requests.length = 0
    const error = await store()
      .ensure(model, model.files, {})
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'DiskFull', details: { needed: expect.any(Number), free: expect.any(Number) } })
    const { needed, free } = (error as { details: { needed: number; free: number } }).details
    expect(needed).toBeGreaterThan(12 * MIB)
    expect(free).toBeLessThanOrEqual(8 * MIB)
    expect(hub.requests).toEqual([])
    expect(await readdir(tmpfs.path)).toEqual(['other'])
  })

  it('that fills up during a download: DiskFull, and the half-written file is gone', async () => {
    hub.misbehave({ kind: 'hold', after: 6 * MIB }, { path: /model\.safetensors/, method: 'GET' })
    const asked = store().ensure(model, model.files, {})
    const failure = asked.catch((error: unknown) => error)
    await waitFor('bytes', () => hub.sentBytes(/model\.safetensors/) >= 6 * MIB)
    await writeFile(join(tmpfs.path, 'other'), Buffer.alloc(6 * MIB))
    hub.behave()
    expect(await failure).toMatchObject({ code: 'DiskFull' })
    await rm(join(tmpfs.path, 'other'))
    const left = await readdir(tmpfs.path, { recursive: true })
    expect(left.filter((path) => /aim|safetensors/.test(path))).toEqual([])
    // A file that was removed takes its room until the last transfer has closed it.
    await waitFor('room', async () => {
      const { bavail, bsize } = await statfs(tmpfs.path)
      return bavail * bsize > 13 * MIB
    })
    expect((await store().ensure(model, model.files, {})).cache).toBe('miss')
  })

  it('that is read-only serves what it holds, and is named when something is missing', async () => {
    const some = model.files.filter(({ path }) => path !== 'config.json')
    await store().ensure({ ...model, ref: model.commit }, some, {})
    tmpfs.remount('ro')
    expect(await store().ensure(model, some, {})).toMatchObject({ cache: 'hit' })
    await expect(store().ensure(model, model.files, {})).rejects.toMatchObject({ code: 'CacheUnwritable', details: { reason: 'EROFS' } })
  })

  it('keeps part files beside the blobs when the folder for them is on another file system', async () => {
    const elsewhere = join(served.path, 'partials')
    const apart = createWeightStore({ sources: () => [hubSource(client())], hubCache: tmpfs.path, partials: elsewhere })
    expect(await apart.ensure(model, model.files, {})).toMatchObject({ cache: 'miss' })
    expect(await readdir(tmpfs.path)).toEqual(['.locks', 'models--acme--tiny'])
    expect(await readdir(served.path)).not.toContain('partials')
  })
})
