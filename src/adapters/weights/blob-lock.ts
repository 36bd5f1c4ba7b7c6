import { randomBytes } from 'node:crypto'
import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errno, inFolder } from './disk.js'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.js'

export type BlobLock = {
  /** False when others had reason to take us for dead: what was written must not be published. */
  held(): Promise<boolean>
  release(): Promise<void>
}

/** A lock of another machine or container counts until its file was not touched for this long, in ms. */
const FOREIGN_MS = 90_000
const TOUCH_MS = 10_000

/**
 * Takes the right to write one blob; null when a live process has it.
 *
 * The lock is a file whose name says who holds it: pid and start time. Names are never used twice, so a dead owner's file may be
 * removed by anybody at any time, which no scheme with one shared name can allow. Each contender makes its file first and looks for others then:
 * of two at the same moment at least one sees the other and withdraws.
 */
export async function tryLock(folder: string, digest: string): Promise<BlobLock | null> {
  if (await someoneHolds(folder, digest, null)) return null
  const { machine, pid, start } = ownIdentity()
  const name = `${digest}.${machine}-${pid}-${start}-${randomBytes(6).toString('hex')}.lock`
  const path = join(folder, name)
  await inFolder(folder, () => writeFile(path, '', { flag: 'wx' }))
  if (await someoneHolds(folder, digest, name)) {
    await rm(path, { force: true })
    return null
  }
  const touch = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => clearInterval(touch)) // taken away: `held` will say so
  }, TOUCH_MS)
  touch.unref()
  return {
    held: async () => (await stat(path).catch(() => null)) !== null, // any failure: not provably ours
    async release() {
      clearInterval(touch)
      await rm(path, { force: true })
    },
  }
}

/** Looks for a live owner, and removes what dead ones left, of any blob. */
async function someoneHolds(folder: string, digest: string, except: string | null): Promise<boolean> {
  let held = false
  for (const name of await namesIn(folder)) {
    const owner = ownerOf(name)
    if (owner === null || name === except) continue
    const path = join(folder, name)
    if (!(await livesOrTouches(owner, path))) await rm(path, { force: true })
    else if (name.startsWith(`${digest}.`)) held = true
  }
  return held
}

/** Digests of blobs that a live process has locked. Changes nothing. */
export async function lockedDigests(folder: string): Promise<Set<string>> {
  const locked = new Set<string>()
  for (const name of await namesIn(folder)) {
    const owner = ownerOf(name)
    if (owner !== null && (await livesOrTouches(owner, join(folder, name)))) locked.add(name.slice(0, name.indexOf('.')))
  }
  return locked
}

/** Empty where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw error
  }
}

function ownerOf(name: string): ProcessIdentity | null {
  const [, machine, pid, start] = /^[0-9a-f]+\.([0-9a-f]{12})-(\d+)-(\d+)-[0-9a-f]+\.lock$/.exec(name) ?? []
  return machine !== undefined && pid !== undefined && start !== undefined ? { machine, pid: Number(pid), start } : null
}

/** Whether the owner of a file lives; one of another machine, which cannot be looked at from here, as long as it touches the file. */
export async function livesOrTouches(owner: ProcessIdentity, path: string): Promise<boolean> {
  return isAlive(owner) ?? touchedLately(path)
}

async function touchedLately(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => null) // released meanwhile
  return facts !== null && Date.now() - facts.mtimeMs < FOREIGN_MS
}
