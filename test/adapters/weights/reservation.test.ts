import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore, type WeightStoreOptions } from '../../../src/adapters/weights/create-weight-store.js'
import { reserve } from '../../../src/adapters/weights/reservation.js'
import { isAimError } from '../../../src/contracts/errors.js'
import { startChild, type Child } from '../../support/children.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { canMountTmpfs, mountTmpfs, type Tmpfs } from '../../support/tmpfs.js'
import { waitFor } from '../../support/wait-for.js'

const MIB = 1 << 20
const EVICTABLE = 5 * MIB
const WEIGHTS = /model\.safetensors/
const ONE = /one.*model\.safetensors/

it('leaves no promise behind that is renewed while it ends', async () => {
  const folder = await temporaryFolder()
  for (let round = 0; round < 100; round++) {
    const room = await reserve(folder.path, folder.path, new Map([['a'.repeat(64), 1_000]]))
    const renewed = room.shrink(500)
    if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
    await room.release()
    await renewed
    expect(await readdir(folder.path)).toEqual([])
  }
  await folder.remove()
})

describe.skipIf(!canMountTmpfs())('room for two downloads, where only one fits (needs the right to mount)', { timeout: 60_000 }, () => {
  let served: Awaited<ReturnType<typeof temporaryFolder>>
  let hub: MisbehavingHub
  let disk: Tmpfs
  let child: Child | null
  beforeEach(async () => {
    child = null
    served = await temporaryFolder()
    for (const repo of ['acme/one', 'acme/two']) await writeSampleModel(served.path, repo, 12 * MIB)
    hub = await startMisbehavingHub(served.path)
    disk = mountTmpfs(20) as Tmpfs
  })
  afterEach(async () => {
    await child?.kill('SIGKILL')
    await hub.close()
    await served.remove()
    disk.unmount()
  })

  const folders = () => ({ hubCache: join(disk.path, 'hub'), partials: join(disk.path, 'aim') })
  const clientOf = () => createHub({ endpoint: hub.url, token: async () => null })
  const storeOf = (options: Partial<WeightStoreOptions> = {}) =>
    createWeightStore({ sources: () => [hubSource(clientOf())], ...folders(), evictableBytes: async () => EVICTABLE, ...options })
  async function ensure(repo: string): Promise<'whole' | { code: string; details: Record<string, unknown> }> {
    const model = await clientOf().pin(repo, 'main')
    return storeOf()
      .ensure(model, model.files, {})
      .then(
        () => 'whole' as const,
        (error: unknown) => {
          if (isAimError(error)) return error
          throw error
        },
      )
  }
  async function startOther(): Promise<void> {
    const { hubCache, partials } = folders()
    hub.misbehave({ kind: 'hold', after: MIB }, { path: ONE, method: 'GET' })
    child = startChild(new URL('../../support/killed-child.mjs', import.meta.url), [hub.url, 'acme/one', hubCache, partials])
    await waitFor('the other download', () => hub.sentBytes(ONE) >= MIB)
  }

  it('is refused to the second, in another process, with needed, free and evictable; the first is not disturbed', async () => {
    await startOther()
    const failure = await ensure('acme/two')
    expect(failure).toMatchObject({ code: 'DiskFull', details: { evictable: EVICTABLE } })
    const { needed, free } = (failure as unknown as { details: { needed: number; free: number } }).details
    expect(needed).toBeGreaterThan(12 * MIB)
    expect(free).toBeLessThan(8 * MIB) // 20 MiB without the 12 that are promised
    expect(hub.sentBytes(/two.*model\.safetensors/)).toBe(0)
    hub.behave()
    expect(await child?.ended).toBe(0)
    expect(await readdir(disk.path)).toEqual(['hub'])
  })

  it('is not asked for twice by two who want the same model: the second follows', async () => {
    await startOther()
    const second = ensure('acme/one')
    await sleep(500)
    hub.behave()
    expect(await second).toBe('whole')
    expect(await child?.ended).toBe(0)
    expect(await readdir(disk.path)).toEqual(['hub'])
  })

  it('is refused without losing what came before', async () => {
    hub.misbehave({ kind: 'truncate', after: 4 * MIB }, { path: /two.*model\.safetensors/, method: 'GET' })
    const store = storeOf({ retry: { tries: 1 } })
    const model = await clientOf().pin('acme/two', 'main')
    await expect(store.ensure(model, model.files, {})).rejects.toMatchObject({ code: 'HubUnreachable' })
    hub.behave()
    const kept = (await readdir(folders().partials)).filter((name) => name.endsWith('.map'))
    expect(kept).toHaveLength(1)
    await startOther()
    expect(await ensure('acme/two')).toMatchObject({ code: 'DiskFull' })
    expect((await readdir(folders().partials)).filter((name) => kept.includes(name))).toEqual(kept)
    hub.behave()
    expect(await child?.ended).toBe(0)
  })

  it('is given to the second once the first was killed', async () => {
    await startOther()
    await child?.kill('SIGKILL')
    expect(await ensure('acme/two')).toBe('whole')
    expect((await readdir(folders().partials)).filter((name) => name.includes('.space') || name.includes('.lock'))).toEqual([])
  })

  it('is given to one of two that ask at the same moment', async () => {
    hub.misbehave({ kind: 'slow', bytesPerSecond: 8 * MIB }, { path: WEIGHTS, method: 'GET' })
    const results = await Promise.all(['acme/one', 'acme/two'].map(ensure))
    expect(results.filter((result) => result === 'whole')).toHaveLength(1)
    expect(results.filter((result) => result !== 'whole')).toMatchObject([{ code: 'DiskFull' }])
  })
})
