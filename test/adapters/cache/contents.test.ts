import { link, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tryLock } from '../../../src/adapters/weights/blob-lock.js'
import { commitOf, createTestCache, digestOf, shareBlob, type TestCache } from './support.js'

const REPO = 'models--org--a'
let test: TestCache
beforeEach(async () => {
  test = await createTestCache()
})
afterEach(() => test.remove())

describe('contents of a cache', () => {
  it('of a folder that is not there are none', async () => {
    await rm(test.hubCache, { recursive: true })
    expect(await test.cache.contents()).toMatchObject({ repositories: [], bytes: 0, partialBytes: 0, unknown: [] })
  })

  it('has models, datasets and spaces with their revisions, branches and kinds of files', async () => {
    await test.revision(REPO, 1, { 'config.json': '{}', 'model.safetensors': 'weights', 'original/params.json': 'p' })
    await test.ref(REPO, 'main', 1)
    await test.ref(REPO, 'refs/pr/1', 1)
    await test.revision('datasets--org--a', 2, { 'data/train.parquet': 'rows' })
    await test.revision('models--gpt2', 3, { 'vocab.json': '{}' })
    const { repositories, bytes, unknown } = await test.cache.contents()
    expect(repositories.map(({ type, repo }) => [type, repo])).toEqual([
      ['dataset', 'datasets/org/a'],
      ['model', 'gpt2'],
      ['model', 'org/a'],
    ])
    const [dataset, , model] = repositories
    expect(model?.refs).toEqual({ main: commitOf(1), 'refs/pr/1': commitOf(1) })
    expect(model?.revisions[0]?.files.map(({ path, kind, digest }) => [path, kind, digest])).toEqual([
      ['config.json', 'config', digestOf('{}')],
      ['model.safetensors', 'weights', digestOf('weights')],
      ['original/params.json', 'metadata', digestOf('p')],
    ])
    expect(dataset?.revisions[0]?.files[0]?.kind).toBe('dataset')
    expect([bytes, unknown]).toEqual([2 + 7 + 1 + 4 + 2, []])
  })

  it('counts each file once, through links of revisions, hard links, and files that repositories share', async () => {
    await test.revision(REPO, 1, { a: 'same bytes', b: 'other' })
    await test.revision(REPO, 2, { a: 'same bytes' })
    await test.revision('models--org--b', 1, { a: 'shared' })
    await test.revision('models--org--c', 1, { a: 'shared' })
    await shareBlob(test.hubCache, 'shared', ['models--org--b', 'models--org--c'])
    await mkdir(join(test.hubCache, 'models--org--d', 'blobs'), { recursive: true })
    await link(join(test.hubCache, REPO, 'blobs', digestOf('other')), join(test.hubCache, 'models--org--d', 'blobs', digestOf('other')))
    const { repositories, bytes, unknown } = await test.cache.contents()
    expect([bytes, unknown]).toEqual([10 + 5 + 6, []])
    expect(repositories.map((repository) => repository.bytes)).toEqual([15, 6, 6, 5])
    expect(repositories[0]?.revisions.map((revision) => [revision.bytes, revision.ownBytes])).toEqual(
      expect.arrayContaining([
        [15, 5],
        [10, 0],
      ]),
    )
    expect(repositories[1]?.revisions[0]?.ownBytes).toBe(0)
    expect(repositories[3]?.unreferenced).toEqual([{ digest: digestOf('other'), bytes: 5 }])
  })

  it('knows what the hub\u2019s tools keep beside, and lists what it does not understand without following it', async () => {
    const outside = await test.write('outside/secret', 'far away')
    const snapshot = await test.revision(REPO, 1, { a: 'x' })
    for (const note of [
      '.locks/models--org--a/x.lock',
      'CACHEDIR.TAG',
      `${REPO}/.no_exist/${commitOf(1)}/y`,
      `${REPO}/trees/${commitOf(1)}.json`,
    ])
      await test.write(join('hub', note))
    await symlink(outside, join(snapshot, 'leads out'))
    await symlink(join('..', '..', '..', '..', '..', 'outside'), join(snapshot, 'folder'))
    await test.write(`hub/${REPO}/blobs/notes.txt`, 'mine')
    await test.write(`hub/${REPO}/refs/broken`, 'no commit')
    await test.write(`hub/${REPO}/extra/file`, '12345')
    await mkdir(join(test.hubCache, REPO, 'snapshots', 'latest'))
    await test.write('hub/backup/old.tar', '1234567')
    await test.write('hub/blobs/ab/unmarked', '1')
    await symlink(join(test.hubCache, REPO), join(test.hubCache, 'models--org--linked'))
    await test.write('hub/models--org--..--x/a', '')
    const { unknown, bytes } = await test.cache.contents()
    expect(bytes).toBe(1)
    expect(unknown.map(({ path, bytes: size, why }) => [path.slice(test.hubCache.length + 1), size, why])).toEqual([
      ['backup', 7, 'is no folder of a repository'],
      ['blobs', 1, 'is no folder of a repository'],
      ['models--org--..--x', 0, 'is no folder of a repository'],
      [`${REPO}/blobs/notes.txt`, 4, 'is no blob that a digest names'],
      [`${REPO}/extra`, 5, 'is no part of a repository'],
      [`${REPO}/refs/broken`, 9, 'names no commit'],
      [`${REPO}/snapshots/${commitOf(1)}/folder`, 0, 'is a link that leads out of its repository'],
      [`${REPO}/snapshots/${commitOf(1)}/leads out`, 0, 'is a link that leads out of its repository'],
      [`${REPO}/snapshots/latest`, 0, 'is no snapshot of a commit'],
      ['models--org--linked', 0, 'is no folder of a repository'],
    ])
  })

  it('tells files whose blob is gone, and takes copies for what they are', async () => {
    const snapshot = await test.revision(REPO, 1, { gone: 'x', there: 'yy' })
    await rm(join(test.hubCache, REPO, 'blobs', digestOf('x')))
    await writeFile(join(snapshot, 'copied'), 'zzz')
    const [revision] = (await test.cache.contents()).repositories[0]?.revisions ?? []
    expect(revision).toMatchObject({ missing: ['gone'], bytes: 5, ownBytes: 5 })
    expect(revision?.files.map(({ path, digest }) => [path, digest])).toEqual([
      ['copied', null],
      ['there', digestOf('yy')],
    ])
  })

  it('counts downloads under way, ours and Python\u2019s, whatever files ours consist of, and no lock as a part', async () => {
    const digest = digestOf('coming')
    const block = 'p'.repeat(4096)
    await test.write(`aim/partials/${digest}.part`, block)
    await test.write(`aim/partials/${digest}.map`, block)
    await test.write(`aim/partials/${digest}.json`, JSON.stringify({ repo: 'org/a', commit: commitOf(1) }))
    await test.write(`hub/${REPO}/blobs/${digest}.0a1b2c3d.incomplete`, block)
    const lock = await tryLock(test.partials, digest)
    const { partialBytes } = await test.cache.contents()
    await lock?.release()
    expect(partialBytes).toBeGreaterThanOrEqual(3 * 4096)
    expect(partialBytes).toBeLessThan(4 * 4096 + 1)
  })

  it('changes nothing', async () => {
    await test.revision(REPO, 1, { a: 'x' })
    const before = await readdir(join(test.hubCache, '..'), { recursive: true })
    await test.cache.contents()
    await test.cache.prune({ policy: { order: 'lru', maxBytes: 0 }, dryRun: true }, [])
    expect(await readdir(join(test.hubCache, '..'), { recursive: true })).toEqual(before)
  })
})
