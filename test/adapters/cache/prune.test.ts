import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withBlobLocks } from '../../../src/adapters/cache/remove-blob.js'
import { removePartial } from '../../../src/adapters/cache/remove-partial.js'
import { scanPartials } from '../../../src/adapters/cache/scan-partials.js'
import { tryLock } from '../../../src/adapters/weights/blob-lock.js'
import { ownIdentity } from '../../../src/adapters/weights/process-identity.js'
import { isFree, pythonLockPath, tryPythonLock } from '../../../src/adapters/weights/python-lock.js'
import type { PruneRequest } from '../../../src/contracts/cache.js'
import type { ScannedPartial } from '../../../src/domain/cache/scan.js'
import { commitOf, createTestCache, DAY, digestOf, shareBlob, type TestCache } from './support.js'

const REPO = 'models--org--a'
const ALL: PruneRequest = { policy: { order: 'lru', maxBytes: 0 }, dryRun: false }
const LEFTOVERS: PruneRequest = { policy: { order: 'lru' }, dryRun: false }

let test: TestCache
beforeEach(async () => {
  test = await createTestCache()
})
afterEach(() => test.remove())

const tree = (): Promise<string[]> => readdir(test.hubCache, { recursive: true })
const ids = (removals: { id: string }[]): string[] => removals.map(({ id }) => id)
const blobPath = (folder: string, content: string): string => join(test.hubCache, folder, 'blobs', digestOf(content))

describe('prune', () => {
  it('removes a repository to the last trace, and nobody else\u2019s', async () => {
    await test.revision(REPO, 1, { 'config.json': '{}', 'a/b/c.json': 'deep' })
    for (const note of [`.no_exist/${commitOf(1)}/added_tokens.json`, `trees/${commitOf(1)}.json`])
      await test.write(join('hub', REPO, note))
    await test.ref(REPO, 'main', 1)
    await test.ref(REPO, 'refs/pr/1', 1)
    const other = await test.revision('models--org--b', 1, { a: 'used' })
    const report = await test.cache.prune(ALL, [other])
    expect(report).toMatchObject({ dryRun: false, freedBytes: 6, shortBytes: 4, bytes: 4 })
    expect(report.kept).toMatchObject([{ id: `org/b@${commitOf(1)}`, why: expect.stringContaining('an engine of this node uses it') }])
    expect(await readdir(test.hubCache)).toEqual(['.locks', 'models--org--b']) // a lock file stays, as Python's own do
    expect(await readFile(join(other, 'a'), 'utf8')).toBe('used')
    expect(await readdir(join(test.hubCache, '..', 'aim'))).toEqual(['ledger'])
  })

  it('that was killed before its last step is ended by the next one, which removes what holds nothing', async () => {
    for (const folder of ['blobs', 'snapshots', '.no_exist']) await mkdir(join(test.hubCache, REPO, folder), { recursive: true })
    await test.write(join('aim', 'partials', `${digestOf('a')}.${ownIdentity().machine}-4194304-1-0123456789ab.lock`))
    await test.cache.prune({ ...LEFTOVERS, dryRun: true }, [])
    expect(await readdir(test.hubCache)).toEqual([REPO])
    await test.cache.prune(LEFTOVERS, [])
    expect(await readdir(test.hubCache)).toEqual([])
    expect(existsSync(test.partials)).toBe(false)
  })

  it('does not follow a link that leads out of the cache, nor lets it keep the rest from being tidied', async () => {
    const outside = await test.write(join('outside', 'empty', 'file'))
    await rm(outside)
    for (const folder of [REPO, 'models--org--z']) await mkdir(join(test.hubCache, folder), { recursive: true })
    await symlink(join(test.hubCache, '..', 'outside'), join(test.hubCache, REPO, 'blobs'))
    await test.cache.prune(LEFTOVERS, [])
    expect(existsSync(join(outside, '..'))).toBe(true)
    expect(await readdir(test.hubCache)).toEqual([REPO])
  })

  it('leaves a young folder that holds nothing yet: somebody may be about to fill it', async () => {
    const young = await createTestCache({ now: Date.now })
    await mkdir(join(young.hubCache, REPO, 'blobs'), { recursive: true })
    await young.cache.prune(LEFTOVERS, [])
    expect(existsSync(join(young.hubCache, REPO, 'blobs'))).toBe(true)
    await young.remove()
  })

  it('leaves what another revision links to, and branches that name another commit', async () => {
    await test.revision(REPO, 1, { a: 'both', b: 'first' })
    const kept = await test.revision(REPO, 2, { a: 'both' })
    await test.ref(REPO, 'main', 2)
    await test.ref(REPO, 'v1', 1)
    const report = await test.cache.prune(ALL, [join(kept, 'a')])
    expect([ids(report.removed), report.freedBytes]).toEqual([[`org/a@${commitOf(1)}`], 5])
    expect(await readFile(join(kept, 'a'), 'utf8')).toBe('both')
    expect(await readdir(join(test.hubCache, REPO, 'refs'))).toEqual(['main'])
    expect(existsSync(blobPath(REPO, 'first'))).toBe(false)
  })

  it('a dry run lists exactly what the real run removes, which `only` repeats', async () => {
    await test.revision(REPO, 1, { a: 'x' })
    await test.revision(REPO, 2, { a: 'yy' })
    await test.write(`hub/${REPO}/blobs/${digestOf('lonely')}`, 'lonely')
    await test.write(`aim/partials/${digestOf('dead')}.part`, 'part')
    const before = await tree()
    const listed = await test.cache.prune({ ...ALL, dryRun: true }, [])
    expect(await tree()).toEqual(before)
    expect(listed.removed).toHaveLength(4)
    await test.ledger.append({
      kind: 'asked',
      at: new Date(Date.now() + 10 * DAY).toISOString(),
      repo: 'org/a',
      commit: commitOf(2),
      endpoint: null,
      outcome: 'hit',
      bytes: 2,
      fetchedBytes: 0,
      ms: 1,
    })
    const done = await test.cache.prune({ ...ALL, only: ids(listed.removed).slice(0, 3) }, [])
    expect(ids(done.removed)).toEqual(ids(listed.removed).slice(0, 3))
    const rest = await test.cache.prune({ ...ALL, only: ids(listed.removed) }, [])
    expect(rest.removed).toEqual([])
    expect(rest.kept.map(({ why }) => why)).toEqual([
      ...Array<string>(3).fill('it is not there any more, or in use again'),
      'it was used within the last hour',
    ])
  })

  it('never removes what it does not understand', async () => {
    const snapshot = await test.revision(REPO, 1, { a: 'x' })
    const mine = [
      await test.write(`hub/${REPO}/notes/mine.txt`, 'mine'),
      await test.write(`hub/${REPO}/blobs/mine.bin`, 'mine'),
      await test.write('hub/backup/mine.tar', 'mine'),
      await test.write('outside/mine', 'mine'),
    ]
    await symlink(mine[3] ?? '', join(snapshot, 'leads out'))
    await test.cache.prune(ALL, [])
    for (const path of mine) expect(await readFile(path, 'utf8')).toBe('mine')
    expect(await readdir(snapshot)).toEqual(['leads out'])
    expect(existsSync(blobPath(REPO, 'x'))).toBe(false)
  })

  it('knows what an engine uses by a path through links, and by a blob', async () => {
    const snapshot = await test.revision(REPO, 1, { a: 'x' })
    const alias = join(test.hubCache, '..', 'alias')
    await symlink(test.hubCache, alias)
    for (const path of [
      snapshot,
      `${snapshot}/`,
      join(snapshot, 'a'),
      join(alias, REPO, 'snapshots', commitOf(1), 'a'),
      blobPath(REPO, 'x'),
    ])
      expect((await test.cache.prune(ALL, [path])).removed).toEqual([])
    expect((await test.cache.prune({ ...ALL, dryRun: true }, [join(test.hubCache, REPO, 'snapshots', commitOf(2))])).removed).toHaveLength(
      1,
    )
  })

  it('tells the ledger what went and why', async () => {
    await test.revision(REPO, 1, { a: 'x' })
    await test.cache.prune({ policy: { order: 'lru', maxIdleDays: 3 }, dryRun: false }, [])
    expect(await test.ledger.read()).toEqual([
      {
        kind: 'evicted',
        at: expect.any(String),
        repo: 'org/a',
        commit: commitOf(1),
        bytes: 1,
        digests: [digestOf('x')],
        reason: 'not used for 10 days, and 3 is the most',
      },
    ])
  })

  it('keeps pins, and what endpoints serve or would roll back to', async () => {
    for (const n of [1, 2, 3, 4]) await test.revision(REPO, n, { a: `file ${n}` })
    const at = new Date().toISOString()
    for (const n of [1, 2, 3])
      await test.ledger.append({
        kind: 'asked',
        at,
        repo: 'org/a',
        commit: commitOf(n),
        endpoint: 'chat',
        outcome: 'hit',
        bytes: 1,
        fetchedBytes: 0,
        ms: 1,
      })
    await test.ledger.record({ kind: 'pinned', at, repo: 'org/a', commit: commitOf(4), actor: 'ada', reason: null })
    expect(ids((await test.cache.prune(ALL, [])).removed)).toEqual([`org/a@${commitOf(1)}`])
    expect(await test.cache.evictableBytes([])).toBe(0)
    await test.ledger.append({ kind: 'released', at: new Date().toISOString(), endpoint: 'chat' })
    expect(await test.cache.evictableBytes([])).toBe(12)
  })
})

it('holds the lock of Python\u2019s client while it removes a blob, also where nobody had locked it before', async () => {
  await test.revision(REPO, 1, { a: 'x' })
  const lock = pythonLockPath(test.hubCache, REPO, digestOf('x'))
  const places = { hubCache: test.hubCache, partials: test.partials }
  expect(
    await withBlobLocks(places, REPO, digestOf('x'), async () => ((await tryPythonLock(lock)) === 'held' ? 'it was held' : null)),
  ).toBe('it was held')
  expect(await isFree(lock)).toBe(true)
})

describe('leftovers', () => {
  it('a dead download of ours goes with all its files, a live one stays, and so does its revision', async () => {
    const [dead, live] = [digestOf('dead'), digestOf('live')]
    await test.revision(REPO, 1, { a: 'x' })
    for (const digest of [dead, live]) {
      for (const suffix of ['part', 'json', 'map'])
        await test.write(
          `aim/partials/${digest}.${suffix}`,
          suffix === 'json' ? JSON.stringify({ repo: 'org/a', commit: commitOf(1) }) : 'bytes',
        )
    }
    const lock = await tryLock(test.partials, live)
    const report = await test.cache.prune(ALL, [])
    expect(ids(report.removed)).toEqual([`partial:${dead}`])
    expect(report.kept).toMatchObject([{ id: `org/a@${commitOf(1)}`, why: expect.stringContaining('a download into it is not over') }])
    await lock?.release()
    expect((await readdir(test.partials)).toSorted()).toEqual(['json', 'map', 'part'].map((suffix) => `${live}.${suffix}`))
    expect(ids((await test.cache.prune(ALL, [])).removed)).toEqual([`partial:${live}`, `org/a@${commitOf(1)}`])
    expect(existsSync(test.partials)).toBe(false)
  })

  it('a program that was killed leaves its folder, which counts and goes with the rest', async () => {
    const digest = digestOf('dead')
    await test.write(`aim/partials/${digest}.json`, '{}')
    await test.write(`aim/partials/${digest}.whole.hf/a/model.safetensors`, 'p'.repeat(4096))
    const report = await test.cache.prune(ALL, [])
    expect([ids(report.removed), report.freedBytes]).toEqual([[`partial:${digest}`], 4096 + 2])
    expect(existsSync(test.partials)).toBe(false)
  })

  it('a program that works in its folder again keeps it', async () => {
    const id = digestOf('dead')
    const written = await test.write(`aim/partials/${id}.whole.hf/a/model.safetensors`, 'p')
    const { changedAt } = scanPartials(test.partials, new Set())[0] as ScannedPartial
    const removal = { id, changedAt, bytes: 1, live: false, repo: null, commit: null }
    await sleep(20)
    await appendFile(written, 'p')
    const places = { hubCache: test.hubCache, partials: test.partials }
    expect(await removePartial(places, removal)).toBe('somebody has taken the download up again')
    expect(existsSync(written)).toBe(true)
  })

  it('Python\u2019s part file stays as long as somebody holds its lock, and goes then', async () => {
    const digest = digestOf('coming')
    const part = await test.write(`hub/${REPO}/blobs/${digest}.0a1b2c3d.incomplete`, 'bytes')
    const lock = await test.write(`hub/.locks/${REPO}/${digest}.lock`)
    const holder = spawn('flock', ['-x', lock, 'sleep', '60'], { stdio: 'ignore', detached: true })
    try {
      await taken(lock, true)
      expect((await test.cache.prune(LEFTOVERS, [])).removed).toEqual([])
    } finally {
      process.kill(-(holder.pid ?? 0), 'SIGKILL')
      await once(holder, 'close')
    }
    // The child that inherited the lock may end a moment later.
    await taken(lock, false)
    expect(ids((await test.cache.prune(LEFTOVERS, [])).removed)).toEqual([`partial:${REPO}/blobs/${digest}.0a1b2c3d.incomplete`])
    expect(existsSync(part)).toBe(false)
  })

  it('young ones stay', async () => {
    await test.remove()
    test = await createTestCache({ now: Date.now })
    await test.write(`hub/${REPO}/blobs/${digestOf('a')}.0a1b2c3d.incomplete`, 'bytes')
    await test.write(`hub/${REPO}/blobs/${digestOf('lonely')}`, 'lonely')
    await test.write(`aim/partials/${digestOf('b')}.part`, 'bytes')
    await test.revision('models--org--b', 1, { a: 'x' })
    const before = await tree()
    expect((await test.cache.prune(ALL, [])).removed).toEqual([])
    expect(await tree()).toEqual(before)
  })

  it('a blob that somebody writes or has locked stays', async () => {
    const lonely = await test.write(`hub/${REPO}/blobs/${digestOf('lonely')}`, 'lonely')
    const lock = await tryLock(test.partials, digestOf('lonely'))
    expect((await test.cache.prune(LEFTOVERS, [])).removed).toEqual([])
    await lock?.release()
    expect(ids((await test.cache.prune(LEFTOVERS, [])).removed)).toEqual([`org/a#${digestOf('lonely')}`])
    expect(existsSync(lonely)).toBe(false)
  })
})

describe('files that repositories share', () => {
  it('go with their last link, and dead links leave their list', async () => {
    const snapshots = [await test.revision(REPO, 1, { a: 'shared' }), await test.revision('models--org--b', 1, { a: 'shared' })]
    const payload = await shareBlob(test.hubCache, 'shared', [REPO, 'models--org--b'])
    const first = await test.cache.prune(ALL, snapshots.slice(1))
    expect([ids(first.removed), first.freedBytes]).toEqual([[], 0]) // it would free nothing
    await test.cache.prune({ ...ALL, only: [`org/a@${commitOf(1)}`] }, snapshots.slice(1))
    expect(await readFile(`${payload}.refs`, 'utf8')).toBe(`models--org--b/blobs/${digestOf('shared')}\n`)
    expect(await readFile(join(snapshots[1] ?? '', 'a'), 'utf8')).toBe('shared')
    const last = await test.cache.prune(ALL, [])
    expect([last.freedBytes, existsSync(payload), existsSync(`${payload}.refs`)]).toEqual([6, false, false])
  })

  it('stay where their list is missing', async () => {
    await test.revision(REPO, 1, { a: 'shared' })
    const payload = await shareBlob(test.hubCache, 'shared', [REPO])
    await writeFile(join(test.hubCache, 'blobs', 'x'), '')
    await rm(`${payload}.refs`)
    const report = await test.cache.prune(ALL, [])
    expect([report.freedBytes, report.shortBytes]).toEqual([0, 6])
    expect((await stat(payload)).size).toBe(6)
  })
})

async function taken(lock: string, wanted: boolean): Promise<void> {
  for (let is = !wanted; is !== wanted;) {
    const [code] = (await once(spawn('flock', ['-n', lock, 'true'], { stdio: 'ignore' }), 'close')) as [number]
    is = code !== 0
  }
}
