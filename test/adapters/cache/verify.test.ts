import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tryLock } from '../../../src/adapters/weights/blob-lock.js'
import { VerifyRequest } from '../../../src/contracts/cache.js'
import { commitOf, createTestCache, DAY, digestOf, shareBlob, type TestCache } from './support.js'

const REPO = 'models--org--a'
let test: TestCache
let refetched: string[]
let hasHub: boolean

beforeEach(async () => {
  refetched = []
  hasHub = true
  test = await createTestCache({
    async refetch(repo, commit, path) {
      refetched.push(`${repo}@${commit} ${path}`)
      if (!hasHub) throw new Error('the hub is away')
      await test.write(`hub/${REPO}/blobs/${digestOf('right')}`, 'right')
    },
  })
})
afterEach(() => test.remove())

const blob = (content: string, folder = REPO): string => join(test.hubCache, folder, 'blobs', digestOf(content))
const check = (request = {}) => test.cache.verify({ repair: false, ...request })

describe('verify', () => {
  it('proves sha256 and git\u2019s sha1 by the names of blobs, and tells the ledger', async () => {
    await test.revision(REPO, 1, { 'model.safetensors': 'right' })
    const small = 'small'
    const sha1 = createHash('sha1').update(`blob ${small.length}\0${small}`).digest('hex')
    await test.write(`hub/${REPO}/blobs/${sha1}`, small)
    await symlink(`../../blobs/${sha1}`, join(test.hubCache, REPO, 'snapshots', commitOf(1), 'config.json'))
    expect(await check()).toEqual({ checkedFiles: 2, checkedBytes: 10, skipped: [], bad: [] })
    const [revision] = (await test.cache.contents()).repositories[0]?.revisions ?? []
    expect(revision?.files.every(({ verifiedAt }) => verifiedAt !== null)).toBe(true)
  })

  it('finds a flipped byte of the right size, a short file and a blob that is gone', async () => {
    await test.revision(REPO, 1, { flipped: 'right', short: 'a longer one', gone: 'no more' })
    await writeFile(blob('right'), 'rigHt')
    await writeFile(blob('a longer one'), 'a lon')
    await rm(blob('no more'))
    const { bad } = await check()
    expect(new Set(bad.map(({ path, state, actual }) => `${path} ${state} ${actual}`))).toEqual(
      new Set([`flipped wrong ${digestOf('rigHt')}`, 'gone wrong nothing', `short wrong ${digestOf('a lon')}`]),
    )
    expect(await readFile(blob('right'), 'utf8')).toBe('rigHt')
  })

  it('hashes one revision only when that is named, and says when it is not there', async () => {
    await test.revision(REPO, 1, { a: 'right' })
    await test.revision(REPO, 2, { a: 'another' })
    expect(await check({ repo: 'org/a', commit: commitOf(1) })).toMatchObject({ checkedFiles: 1, checkedBytes: 5 })
    await expect(check({ repo: 'org/a', commit: commitOf(3) })).rejects.toMatchObject({ code: 'NotFound' })
    expect(VerifyRequest.safeParse({ commit: commitOf(1) }).error?.issues).toMatchObject([{ path: ['commit'], message: 'needs repo' }])
  })

  it('repairs only what is wrong', async () => {
    const snapshot = await test.revision(REPO, 1, { a: 'right', b: 'good' })
    await writeFile(blob('right'), 'rigHt')
    const before = await stat(blob('good'))
    expect(await check({ repair: true })).toMatchObject({ checkedFiles: 2, bad: [{ path: 'a', state: 'repaired', why: null }] })
    expect(refetched).toEqual([`org/a@${commitOf(1)} a`])
    expect(await readFile(join(snapshot, 'a'), 'utf8')).toBe('right')
    expect((await stat(blob('good'))).ino).toBe(before.ino)
    expect((await check()).bad).toEqual([])
  })

  it('takes a wrong file away that cannot be fetched, rather than leave it', async () => {
    await test.revision(REPO, 1, { a: 'right' })
    await writeFile(blob('right'), 'rigHt')
    hasHub = false
    expect((await check({ repair: true })).bad).toMatchObject([{ state: 'removed', why: 'the hub is away' }])
    expect(existsSync(blob('right'))).toBe(false)
  })

  it('leaves a wrong file that somebody is writing, and those of datasets', async () => {
    await test.revision(REPO, 1, { a: 'right' })
    await test.revision('datasets--org--a', 1, { a: 'rows' })
    await writeFile(blob('right'), 'rigHt')
    await writeFile(blob('rows', 'datasets--org--a'), 'rowz')
    const lock = await tryLock(test.partials, digestOf('right'))
    const { bad } = await check({ repair: true })
    await lock?.release()
    expect(bad.map(({ repo, state, why }) => [repo, state, why])).toEqual(
      expect.arrayContaining([
        ['org/a', 'wrong', 'somebody is writing it'],
        ['datasets/org/a', 'wrong', 'a dataset is not fetched by us: its own tools can'],
      ]),
    )
    expect([await readFile(blob('right'), 'utf8'), refetched]).toEqual(['rigHt', []])
  })

  it('a wrong file that repositories share is replaced for the one, not changed for the others', async () => {
    await test.revision(REPO, 1, { a: 'right' })
    await test.revision('models--org--b', 1, { a: 'right' })
    const payload = await shareBlob(test.hubCache, 'right', [REPO, 'models--org--b'])
    await rm(payload)
    await writeFile(payload, 'rigHt')
    const { bad } = await check({ repair: true, repo: 'org/a' })
    expect(bad).toMatchObject([{ repo: 'org/a', state: 'repaired' }])
    expect([await readFile(blob('right'), 'utf8'), await readFile(payload, 'utf8')]).toEqual(['right', 'rigHt'])
    expect((await check()).bad).toMatchObject([{ repo: 'org/b', state: 'wrong' }])
  })

  it('of one repository; of one that is not here it says so', async () => {
    await test.revision(REPO, 1, { a: 'x' })
    await test.revision('models--org--b', 1, { a: 'y' })
    expect((await check({ repo: 'org/b' })).checkedFiles).toBe(1)
    await expect(check({ repo: 'org/none' })).rejects.toMatchObject({ code: 'NotFound' })
  })

  it('a sample goes on where the last one ended', async () => {
    await test.revision(REPO, 1, { a: 'one', b: 'two', c: 'six' })
    const proved = async (): Promise<number> => {
      const [revision] = (await test.cache.contents()).repositories[0]?.revisions ?? []
      return revision?.files.filter(({ verifiedAt }) => verifiedAt !== null).length ?? 0
    }
    const counts = []
    for (let round = 0; round < 3; round++) {
      await check({ sampleBytes: 4 })
      counts.push(await proved())
    }
    expect(counts).toEqual([1, 2, 3])
  })

  it('tells how far it is, ends at once when it is told to, and keeps what it had proved', async () => {
    await test.revision(REPO, 1, { a: 'x'.repeat(100), b: 'y'.repeat(100) })
    const controller = new AbortController()
    const seen: number[] = []
    const running = test.cache.verify(
      { repair: false },
      {
        signal: controller.signal,
        onProgress({ doneBytes, totalBytes }) {
          seen.push(doneBytes / totalBytes)
          controller.abort(new Error('enough'))
        },
      },
    )
    await expect(running).rejects.toThrow('enough')
    expect(seen).toEqual([0.5])
    expect(await test.ledger.read()).toMatchObject([{ kind: 'verified', bad: [], good: [expect.any(String)] }])
  })

  it('does not count as use', async () => {
    await test.revision(REPO, 1, { a: 'right' })
    const at = new Date(Date.now() - 5 * DAY)
    await utimes(blob('right'), at, at)
    await check()
    expect((await stat(blob('right'))).atime).toEqual(at)
  })
})
