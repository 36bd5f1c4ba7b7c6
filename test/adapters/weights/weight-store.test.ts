import { lstat, mkdir, readdir, readFile, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore, type WeightStoreOptions } from '../../../src/adapters/weights/create-weight-store.js'
import type { PinnedModel, TransferProgress } from '../../../src/contracts/model.js'
import { bytesInMap } from '../../../src/adapters/weights/part-file.js'
import { ownIdentity } from '../../../src/adapters/weights/process-identity.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { gitSha1, sha256, temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { waitFor } from '../../support/wait-for.js'

const REPO = 'acme/tiny'
const SIZE = 5_000_000
const WEIGHTS = /model\.safetensors/

let served: Awaited<ReturnType<typeof temporaryFolder>>
let local: Awaited<ReturnType<typeof temporaryFolder>>
let hub: MisbehavingHub
let contents: Map<string, Buffer>
let model: PinnedModel
let hubCache: string
let partials: string

beforeEach(async () => {
  served = await temporaryFolder()
  local = await temporaryFolder()
  contents = await writeSampleModel(served.path, REPO, SIZE)
  hub = await startMisbehavingHub(served.path)
  model = await client().pin(REPO, 'main')
  hub.requests.length = 0
  hubCache = join(local.path, 'hub')
  partials = join(local.path, 'aim', 'partials')
})
afterEach(async () => {
  await hub.close()
  await served.remove()
  await local.remove()
})

const client = () => createHub({ endpoint: hub.url, token: async () => null })
const storeWith = (options: Partial<WeightStoreOptions> = {}) =>
  createWeightStore({ sources: () => [hubSource(client())], hubCache, partials, retry: { baseMs: 10, maxMs: 50 }, ...options })
const root = () => join(hubCache, 'models--acme--tiny')
const snapshot = () => join(root(), 'snapshots', model.commit)
const blobOf = (path: string) => join(root(), 'blobs', digestOf(path))
const digestOf = (path: string) => model.files.find((file) => file.path === path)?.digest.hex ?? ''
const totalBytes = () => [...contents.values()].reduce((sum, { length }) => sum + length, 0)
/** Bytes of the weights that the map says are there. */
const keptOf = (path: string): Promise<number> => bytesInMap(join(partials, `${digestOf(path)}.map`), SIZE)

/** Where each request for the weights began. */
const rangeStarts = () =>
  hub.requests
    .filter(({ method, path }) => method === 'GET' && WEIGHTS.test(path))
    .map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1]))

async function expectWhole(): Promise<void> {
  const differing: string[] = []
  for (const [path, content] of contents) if (!(await readFile(join(snapshot(), path))).equals(content)) differing.push(path)
  expect(differing).toEqual([])
}

async function leftovers(): Promise<string[]> {
  return readdir(partials).catch(() => [])
}

async function below(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()
}

describe('ensure', () => {
  it('writes the cache as the hub\u2019s own tools do, and nothing else', async () => {
    const weights = await storeWith().ensure(model, model.files, {})
    expect(weights).toEqual({
      repo: REPO,
      commit: model.commit,
      path: snapshot(),
      bytes: totalBytes(),
      fetchedBytes: totalBytes(),
      sources: { hub: totalBytes() },
      cache: 'miss',
    })
    await expectWhole()
    const content = (path: string): Buffer => contents.get(path) ?? Buffer.alloc(0)
    const digests = ['config.json', 'tokenizer/merges.txt', 'empty.txt'].map((path) => gitSha1(content(path)))
    expect(await below(hubCache)).toEqual(
      [
        // Left as Python leaves it: to remove a lock that another may just open would give it to both.
        `.locks/models--acme--tiny/${digestOf('model.safetensors')}.lock`,
        ...[...digests, sha256(content('model.safetensors'))].map((digest) => `models--acme--tiny/blobs/${digest}`),
        'models--acme--tiny/refs/main',
        ...[...contents.keys()].map((path) => `models--acme--tiny/snapshots/${model.commit}/${path}`),
      ].toSorted(),
    )
    expect(await readlink(join(snapshot(), 'tokenizer/merges.txt'))).toBe(`../../../blobs/${digests[1]}`)
    expect(await readFile(join(root(), 'refs', 'main'), 'utf8')).toBe(model.commit)
    expect(await leftovers()).toEqual([])
  })

  it('fetches nothing the second time, and finds it without the network', async () => {
    const store = storeWith()
    expect(await store.find(model, model.files)).toBeNull()
    await store.ensure(model, model.files, {})
    await hub.close()
    const found = { repo: REPO, commit: model.commit, path: snapshot(), bytes: totalBytes(), fetchedBytes: 0, sources: {}, cache: 'hit' }
    expect(await store.find(model, model.files)).toEqual(found)
    expect(await store.ensure(model, model.files, {})).toEqual(found)
    await rm(join(snapshot(), 'config.json'))
    expect(await store.find(model, model.files)).toBeNull()
    expect(
      await store.find(
        model,
        model.files.filter(({ path }) => path !== 'config.json'),
      ),
    ).not.toBeNull()
    hub = await startMisbehavingHub(served.path)
  })

  it('leaves nothing that a killed process had beside its downloads, also when there is nothing to fetch', async () => {
    await storeWith().ensure(model, model.files, {})
    const dead = `${ownIdentity().machine}-4194304-1-0123456789ab`
    await mkdir(partials, { recursive: true })
    for (const name of [`${digestOf('config.json')}.${dead}.lock`, `${dead}.ref`, `${dead}.link`]) await writeFile(join(partials, name), '')
    expect(await storeWith().ensure(model, model.files, {})).toMatchObject({ cache: 'hit' })
    expect(await leftovers()).toEqual([])
  })

  it('does not take a file of the wrong size for present, and replaces it', async () => {
    const store = storeWith()
    await store.ensure(model, model.files, {})
    await truncate(blobOf('model.safetensors'), 1000)
    expect(await store.find(model, model.files)).toBeNull()
    expect(await store.ensure(model, model.files, {})).toMatchObject({ fetchedBytes: SIZE, cache: 'miss' })
    await expectWhole()
  })

  it('uses blobs that are there, also those that are links, and leaves them as they are', async () => {
    const shared = join(hubCache, 'blobs', 'ab', 'xet')
    await mkdir(dirname(shared), { recursive: true })
    await writeFile(shared, contents.get('model.safetensors') ?? '')
    await mkdir(join(root(), 'blobs'), { recursive: true })
    await symlink('../../blobs/ab/xet', blobOf('model.safetensors'))
    await mkdir(snapshot(), { recursive: true })
    await writeFile(join(snapshot(), 'config.json'), contents.get('config.json') ?? '')
    const weights = await storeWith().ensure(model, model.files, {})
    expect(weights.fetchedBytes).toBe(totalBytes() - SIZE - (contents.get('config.json')?.length ?? 0))
    await expectWhole()
    expect(await readlink(blobOf('model.safetensors'))).toBe('../../blobs/ab/xet')
    expect((await lstat(join(snapshot(), 'config.json'))).isFile()).toBe(true)
  })

  it('replaces a link that leads nowhere', async () => {
    await mkdir(snapshot(), { recursive: true })
    await symlink('../../blobs/gone', join(snapshot(), 'config.json'))
    await storeWith().ensure(model, model.files, {})
    await expectWhole()
    expect(await leftovers()).toEqual([])
  })

  it('writes no ref for a commit, and the ref of a nested name in its place', async () => {
    await storeWith().ensure({ ...model, ref: model.commit }, model.files, {})
    expect(await readdir(root())).not.toContain('refs')
    await storeWith().ensure({ ...model, ref: 'refs/pr/1' }, model.files, {})
    expect(await readFile(join(root(), 'refs/refs/pr/1'), 'utf8')).toBe(model.commit)
  })

  it('brings only the files asked for', async () => {
    await storeWith().ensure(
      model,
      model.files.filter(({ path }) => path === 'config.json'),
      {},
    )
    expect(await readdir(snapshot())).toEqual(['config.json'])
    expect(hub.sentBytes(WEIGHTS)).toBe(0)
  })

  it('reports bytes up to the end', async () => {
    const seen: TransferProgress[] = []
    hub.misbehave({ kind: 'slow', bytesPerSecond: 6_000_000 }, { path: WEIGHTS })
    await storeWith().ensure(model, model.files, { onProgress: (progress) => void seen.push(progress) })
    expect(seen.length).toBeGreaterThanOrEqual(2)
    expect(seen.at(-1)).toMatchObject({
      doneBytes: totalBytes(),
      totalBytes: totalBytes(),
      fetchedBytes: totalBytes(),
      filesDone: 4,
      filesTotal: 4,
    })
    const middle = seen.find(({ doneBytes }) => doneBytes > 0 && doneBytes < totalBytes())
    expect(middle).toMatchObject({ file: 'model.safetensors' })
  })

  it('refuses names that lead out of the cache, and an empty list', async () => {
    const file = { ...model.files[0]!, path: '../../x' }
    await expect(storeWith().ensure(model, [file], {})).rejects.toMatchObject({ code: 'InvalidInput' })
    await expect(storeWith().ensure({ ...model, repo: '../x' }, model.files, {})).rejects.toMatchObject({ code: 'InvalidInput' })
    await expect(storeWith().find({ ...model, commit: '../x' }, model.files)).rejects.toMatchObject({ code: 'InvalidInput' })
    await expect(storeWith().ensure({ ...model, ref: '../../x' }, model.files, {})).rejects.toMatchObject({ code: 'InvalidInput' })
    await expect(storeWith().ensure(model, [], {})).rejects.toMatchObject({ code: 'InvalidInput' })
  })
})

describe('a hub that misbehaves', () => {
  it('sends a truncated body: the rest is fetched, no byte twice', async () => {
    hub.misbehave({ kind: 'truncate', after: 1_500_000 }, { path: WEIGHTS, method: 'GET', times: 2 })
    const weights = await storeWith().ensure(model, model.files, {})
    await expectWhole()
    expect(weights.fetchedBytes).toBe(totalBytes())
    const [first, second, third, ...others] = rangeStarts()
    expect([first, others]).toEqual([0, []])
    expect(second).toBeGreaterThan(0)
    expect(third).toBeGreaterThan(second ?? 0)
  })

  it('stalls: the connection is given up, and the rest fetched', async () => {
    hub.misbehave({ kind: 'stall', after: 2_000_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
    const weights = await storeWith({ stallMs: 500 }).ensure(model, model.files, {})
    await expectWhole()
    expect(weights.fetchedBytes).toBe(totalBytes())
    expect(rangeStarts()[1]).toBeGreaterThan(0)
  })

  it('stalls for ever: TransferStalled, and what came is kept', async () => {
    hub.misbehave({ kind: 'stall', after: 1_000_000 }, { path: WEIGHTS, method: 'GET' })
    const store = storeWith({ stallMs: 500, retry: { tries: 2, baseMs: 10, maxMs: 20 } })
    await expect(store.ensure(model, model.files, {})).rejects.toMatchObject({
      code: 'TransferStalled',
      details: { file: 'model.safetensors' },
    })
    expect(rangeStarts()).toHaveLength(2)
    expect(await keptOf('model.safetensors')).toBeGreaterThan(rangeStarts()[1] ?? SIZE)
    expect(await leftovers()).not.toContainEqual(expect.stringContaining('.lock'))
  })

  it('flips a byte once: that file alone is dropped and fetched again', async () => {
    hub.misbehave({ kind: 'flip', at: 3_000_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
    const weights = await storeWith().ensure(model, model.files, {})
    await expectWhole()
    expect(weights.fetchedBytes).toBe(totalBytes() + SIZE)
    expect(hub.requests.filter(({ method, path }) => method === 'GET' && path.includes('config.json'))).toHaveLength(1)
  })

  it('flips a byte each time: DigestMismatch, nothing wrong is published or left, the other files stay', async () => {
    hub.misbehave({ kind: 'flip', at: 0 }, { path: WEIGHTS, method: 'GET' })
    const store = storeWith({ connections: 1 })
    await expect(
      store.ensure(
        model,
        model.files.toSorted((a, b) => a.size - b.size),
        {},
      ),
    ).rejects.toMatchObject({
      code: 'DigestMismatch',
      details: { file: 'model.safetensors', expected: digestOf('model.safetensors') },
    })
    expect((await readdir(snapshot(), { recursive: true })).toSorted()).toEqual([
      'config.json',
      'empty.txt',
      'tokenizer',
      'tokenizer/merges.txt',
    ])
    expect(await leftovers()).toEqual([])
    expect(await readdir(root())).not.toContain('refs')
    hub.behave()
    expect((await store.ensure(model, model.files, {})).fetchedBytes).toBe(SIZE)
    await expectWhole()
  })

  it('lists an empty file with a digest that no empty file has: DigestMismatch, and not one try for ever', async () => {
    const wrong = { path: 'empty.json', size: 0, digest: { kind: 'sha256' as const, hex: 'a'.repeat(64) } }
    const stores = [storeWith(), storeWith({ sources: () => [hubSource(client(), 'one'), hubSource(client(), 'two')] })]
    for (const store of stores) await expect(store.ensure(model, [wrong], {})).rejects.toMatchObject({ code: 'DigestMismatch' })
  })

  it('answers 500 for a while: tried again', async () => {
    hub.misbehave({ kind: 'status', status: 500 }, { path: WEIGHTS, times: 3 })
    expect(await storeWith().ensure(model, model.files, {})).toMatchObject({ fetchedBytes: totalBytes() })
    await expectWhole()
  })

  it('answers 500 for ever: tried a bounded number of times', async () => {
    hub.misbehave({ kind: 'status', status: 500 }, { path: WEIGHTS })
    await expect(storeWith({ retry: { tries: 4, baseMs: 1, maxMs: 2 } }).ensure(model, model.files, {})).rejects.toMatchObject({
      code: 'HubUnreachable',
    })
    expect(hub.requests.filter(({ path }) => WEIGHTS.test(path))).toHaveLength(4)
  })

  it('answers 429 with Retry-After: waits so long', async () => {
    hub.misbehave({ kind: 'status', status: 429, headers: { 'retry-after': '1' } }, { path: WEIGHTS, times: 1 })
    const began = Date.now()
    await storeWith().ensure(model, model.files, {})
    expect(Date.now() - began).toBeGreaterThanOrEqual(950)
  })

  it('answers 429 with more than anybody waits for: HubRateLimited at once', async () => {
    hub.misbehave({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }, { path: WEIGHTS })
    await expect(storeWith().ensure(model, model.files, {})).rejects.toMatchObject({ code: 'HubRateLimited', details: { seconds: 3600 } })
    expect(hub.requests.filter(({ path }) => WEIGHTS.test(path))).toHaveLength(1)
  })

  it.each([
    [401, 'HubAuth'],
    [403, 'HubAuth'],
    [404, 'ModelNotFound'],
  ])('answers %i: %s at once', async (status, code) => {
    hub.misbehave({ kind: 'status', status }, { path: WEIGHTS })
    await expect(storeWith().ensure(model, model.files, {})).rejects.toMatchObject({ code })
    expect(hub.requests.filter(({ path }) => WEIGHTS.test(path))).toHaveLength(1)
  })

  it('sends another range than was asked for: nothing of it is used', async () => {
    hub.misbehave(
      { kind: 'headers', headers: { 'content-range': `bytes 5-${SIZE + 4}/${SIZE + 5}` } },
      { path: WEIGHTS, method: 'GET', times: 1 },
    )
    const weights = await storeWith().ensure(model, model.files, {})
    expect(weights.fetchedBytes).toBe(totalBytes())
    await expectWhole()
  })
})

describe('abort', () => {
  it('ends at once, keeps what came, and a later call continues from there', async () => {
    hub.misbehave({ kind: 'hold', after: 3_000_000 }, { path: WEIGHTS, method: 'GET' })
    const controller = new AbortController()
    const reason = new Error('enough')
    const asked = storeWith().ensure(model, model.files, { signal: controller.signal })
    await waitFor('bytes', async () => (await keptOf('model.safetensors')) >= 2_000_000)
    const began = Date.now()
    controller.abort(reason)
    await expect(asked).rejects.toBe(reason)
    expect(Date.now() - began).toBeLessThan(2000)
    const kept = await keptOf('model.safetensors')
    expect(kept).toBeGreaterThanOrEqual(2_000_000)
    hub.behave()
    const { fetchedBytes } = await storeWith().ensure(model, model.files, {})
    expect(rangeStarts()).toEqual([0, kept])
    expect(fetchedBytes).toBeLessThanOrEqual(SIZE - kept + 100)
    await expectWhole()
  })

  it('does nothing when it was aborted before', async () => {
    await expect(storeWith().ensure(model, model.files, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
    expect(hub.requests).toEqual([])
    expect(await readdir(local.path)).toEqual([])
  })
})

describe('two callers', () => {
  it('share one transfer, and both see it move', async () => {
    hub.misbehave({ kind: 'hold', after: 3_000_000 }, { path: WEIGHTS, method: 'GET' })
    const seen: TransferProgress[] = []
    const first = storeWith().ensure(model, model.files, {})
    await waitFor('bytes', async () => (await keptOf('model.safetensors')) >= 2_000_000)
    const second = storeWith().ensure(model, model.files, { onProgress: (progress) => void seen.push(progress) })
    await waitFor('progress of the second', () => seen.some(({ doneBytes }) => doneBytes >= 2_000_000))
    hub.behave()
    expect((await first).fetchedBytes).toBe(totalBytes())
    expect(await second).toMatchObject({ fetchedBytes: 0, cache: 'hit' })
    expect(hub.sentBytes(WEIGHTS)).toBe(SIZE)
    expect(await leftovers()).toEqual([])
  })

  it('the second goes on when the first gives up', async () => {
    hub.misbehave({ kind: 'hold', after: 3_000_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
    const controller = new AbortController()
    const first = storeWith().ensure(model, model.files, { signal: controller.signal })
    await waitFor('bytes', async () => (await keptOf('model.safetensors')) >= 2_000_000)
    const second = storeWith().ensure(model, model.files, {})
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect((await second).fetchedBytes).toBeLessThanOrEqual(SIZE - 2_000_000 + 100)
    await expectWhole()
  })
})

describe('discardPartial', () => {
  it('removes what was half-written and every empty folder, and may be repeated', async () => {
    hub.misbehave({ kind: 'truncate', after: 4_000_000 }, { path: WEIGHTS, method: 'GET' })
    const store = storeWith({ retry: { tries: 1 } })
    await expect(
      store.ensure(
        model,
        model.files.filter(({ path }) => WEIGHTS.test(path)),
        {},
      ),
    ).rejects.toMatchObject({ code: 'HubUnreachable' })
    const kept = await keptOf('model.safetensors')
    expect(kept).toBeGreaterThan(0)
    await store.discardPartial({ repo: REPO, commit: 'f'.repeat(40) })
    expect(await keptOf('model.safetensors')).toBe(kept)
    await store.discardPartial(model)
    await store.discardPartial(model)
    expect(await below(local.path)).toEqual([`hub/.locks/models--acme--tiny/${digestOf('model.safetensors')}.lock`])
    expect(await readdir(join(local.path, 'aim'))).toEqual([])
  })

  it('leaves published files, and a live writer', async () => {
    hub.misbehave({ kind: 'hold', after: 3_000_000 }, { path: WEIGHTS, method: 'GET' })
    const store = storeWith()
    const asked = store.ensure(model, model.files, {})
    await waitFor('bytes', async () => (await keptOf('model.safetensors')) >= 2_000_000)
    await waitFor('small files', async () => (await readdir(snapshot()).catch(() => [])).length >= 3)
    await store.discardPartial(model)
    hub.behave()
    expect((await asked).fetchedBytes).toBe(totalBytes())
    await expectWhole()
  })
})
