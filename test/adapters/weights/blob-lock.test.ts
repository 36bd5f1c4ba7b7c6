import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tryLock } from '../../../src/adapters/weights/blob-lock.js'
import { isAlive, ownIdentity } from '../../../src/adapters/weights/process-identity.js'
import { startChild } from '../../support/children.js'
import { temporaryFolder } from '../../support/sample-model.js'

const DIGEST = 'a'.repeat(64)
let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder.remove())

async function leaveLock(machine: string, pid: number, start: string): Promise<string> {
  const path = join(folder.path, `${DIGEST}.${machine}-${pid}-${start}-0123456789ab.lock`)
  await mkdir(folder.path, { recursive: true })
  await writeFile(path, '')
  return path
}

describe('tryLock', () => {
  it('gives the blob to one, and to the next after release', async () => {
    const first = await tryLock(folder.path, DIGEST)
    expect(first).not.toBeNull()
    expect(await tryLock(folder.path, DIGEST)).toBeNull()
    expect(await tryLock(folder.path, 'b'.repeat(64))).not.toBeNull()
    await first?.release()
    expect(await tryLock(folder.path, DIGEST)).not.toBeNull()
  })

  it('never gives it to two of many that ask at the same time', async () => {
    for (let round = 0; round < 30; round++) {
      const locks = (await Promise.all(Array.from({ length: 8 }, () => tryLock(folder.path, DIGEST)))).filter((lock) => lock !== null)
      expect(locks.length).toBeLessThanOrEqual(1)
      for (const lock of locks) await lock.release()
    }
    expect(await readdir(folder.path)).toEqual([])
  })

  it('does not count a dead owner, nor one whose pid was given to another process', async () => {
    const { machine, pid } = ownIdentity()
    await leaveLock(machine, 4_194_304, '1')
    const reused = await leaveLock(machine, pid, '1')
    const lock = await tryLock(folder.path, DIGEST)
    expect(lock).not.toBeNull()
    expect(await readdir(folder.path)).not.toContain(reused)
    expect(await readdir(folder.path)).toHaveLength(1)
  })

  it('counts the owner on another machine as long as it touches its lock', async () => {
    const path = await leaveLock('0'.repeat(12), 1, '1')
    expect(await tryLock(folder.path, DIGEST)).toBeNull()
    const past = new Date(Date.now() - 600_000)
    await utimes(path, past, past)
    expect(await tryLock(folder.path, DIGEST)).not.toBeNull()
  })

  it('tells an owner that was taken for dead', async () => {
    const lock = await tryLock(folder.path, DIGEST)
    expect(await lock?.held()).toBe(true)
    for (const name of await readdir(folder.path)) await rm(join(folder.path, name))
    expect(await lock?.held()).toBe(false)
    await lock?.release()
  })
})

describe('isAlive', () => {
  it('knows this process, one that has ended, and that it cannot know another machine\u2019s', async () => {
    const own = ownIdentity()
    expect(isAlive(own)).toBe(true)
    expect(isAlive({ ...own, start: `${own.start}1` })).toBe(false)
    expect(isAlive({ ...own, machine: 'f'.repeat(12) })).toBeNull()
    const child = startChild(new URL('../../support/print-identity.ts', import.meta.url))
    const identity = (await child.nextLine()) as typeof own
    expect(isAlive(identity)).toBe(true)
    await child.kill('SIGKILL')
    expect(isAlive(identity)).toBe(false)
  })
})
