import { rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inFolder } from './disk.js'
import { livesOrTouches, namesIn, ownedName, ownerOf } from './owned-files.js'
import type { ProcessIdentity } from './process-identity.js'

export type BlobLock = {
  /** False when others had reason to take us for dead: what was written must not be published. */
  held(): Promise<boolean>
  release(): Promise<void>
}

/** That it is touched is what a lock of another machine or container counts by. */
const TOUCH_MS = 10_000

/**
 * Takes the right to write one blob; null when a live process has it.
 *
 * The lock is a file whose name says who holds it, so that anybody may remove a dead owner's, which no scheme with one shared name
 * can allow. Each contender makes its file first and looks for others then: of two at the same moment at least one sees the other and
 * withdraws.
 */
export async function tryLock(folder: string, digest: string): Promise<BlobLock | null> {
  if (await someoneHolds(folder, digest, null)) return null
  const name = `${digest}.${ownedName()}.lock`
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
    const owner = lockOwner(name)
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
    const owner = lockOwner(name)
    if (owner !== null && (await livesOrTouches(owner, join(folder, name)))) locked.add(name.slice(0, name.indexOf('.')))
  }
  return locked
}

const lockOwner = (name: string): ProcessIdentity | null => (name.endsWith('.lock') ? ownerOf(name) : null)
