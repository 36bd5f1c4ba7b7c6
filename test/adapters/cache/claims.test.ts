import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import { ownIdentity } from '../../../src/adapters/weights/process-identity.js'
import { lockRevision } from '../../../src/adapters/weights/revision-lock.js'
import type { ModelFile, PinnedModel } from '../../../src/contracts/model.js'
import type { CacheLedger } from '../../../src/ports/cache-ledger.js'
import { gate } from '../../support/gate.js'
import { commitOf, createTestCache, digestOf, type TestCache } from './support.js'

const REPO = 'models--org--a'
const ALL = { policy: { order: 'lru', maxBytes: 0 }, dryRun: false } as const
const REVISION = { repo: 'org/a', commit: commitOf(1) }

let test: TestCache
let snapshot: string
beforeEach(async () => {
  test = await createTestCache()
  snapshot = await test.revision(REPO, 1, { a: 'x' })
})
afterEach(() => test.remove())

const files: ModelFile[] = [{ path: 'a', size: 1, digest: { kind: 'sha256', hex: digestOf('x') } }]
const model: PinnedModel = { ...REVISION, ref: 'main', files }

function storeWith(ledger: CacheLedger) {
  return createWeightStore({ sources: () => [], hubCache: test.hubCache, partials: test.partials, ledger })
}

describe('a revision that somebody asks for', () => {
  it('stays from the first look on, before the ledger knows of it', async () => {
    const [reached, open] = [gate(), gate()]
    const slow: CacheLedger = {
      ...test.ledger,
      async append(event) {
        reached.open()
        await open.passed
        await test.ledger.append(event)
      },
    }
    const asking = storeWith(slow).ensure(model, files, {})
    await reached.passed
    const report = await test.cache.prune(ALL, [])
    expect(report.removed).toEqual([])
    expect(report.kept).toMatchObject([{ id: `org/a@${commitOf(1)}`, why: 'somebody is asking for it now' }])
    open.open()
    expect((await asking).cache).toBe('hit')
    expect(existsSync(join(snapshot, 'a'))).toBe(true)
    expect(existsSync(test.partials)).toBe(false)
  })

  it('is looked at only when a cleanup of it is over', async () => {
    const lock = await lockRevision(test.partials, REVISION)
    if (typeof lock === 'string') throw new Error(lock)
    let settled = false
    const asking = storeWith(test.ledger)
      .ensure(model, files, {})
      .finally(() => (settled = true))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect([settled, await test.ledger.read()]).toEqual([false, []])
    await lock.release()
    expect((await asking).cache).toBe('hit')
  })

  it('is waited for no longer than the caller wants, and nothing of the claim is left', async () => {
    const lock = await lockRevision(test.partials, REVISION)
    if (typeof lock === 'string') throw new Error(lock)
    const abort = new AbortController()
    const asking = storeWith(test.ledger).ensure(model, files, { signal: abort.signal })
    setTimeout(() => abort.abort(new Error('enough')), 100)
    await expect(asking).rejects.toThrow('enough')
    await lock.release()
    expect(await readdir(test.partials)).toEqual([])
  })

  it('is not held by a process that died, and what that left goes', async () => {
    const { machine } = ownIdentity()
    const lock = await lockRevision(test.partials, REVISION)
    if (typeof lock === 'string') throw new Error(lock)
    const [name = ''] = await readdir(test.partials)
    await lock.release()
    await writeFile(join(test.partials, `${machine}-4194304-1-0123456789ab.${name.slice(0, 40)}.claim`), '')
    expect((await test.cache.prune(ALL, [])).removed).toHaveLength(1)
    expect(existsSync(test.partials)).toBe(false)
  })
})

describe('a cleanup', () => {
  it('leaves a revision to another one', async () => {
    const lock = await lockRevision(test.partials, REVISION)
    expect((await test.cache.prune(ALL, [])).kept).toMatchObject([{ why: 'another cleanup is at it' }])
    if (typeof lock !== 'string') await lock.release()
  })

  it('asks before each eviction what engines use now', async () => {
    const second = await test.revision('models--org--b', 1, { a: 'yy' })
    let asked = 0
    const report = await test.local.prune(ALL, async () => (asked++ < 2 ? [] : [second]))
    expect(report.removed).toMatchObject([{ id: `org/a@${commitOf(1)}` }])
    expect(report.kept).toMatchObject([{ id: `org/b@${commitOf(1)}`, why: 'an engine of this node uses it' }])
  })
})
