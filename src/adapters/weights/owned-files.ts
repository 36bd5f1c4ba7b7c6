import { randomBytes } from 'node:crypto'
import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errno } from './disk.js'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.js'

/** A file of another machine or container counts until it was not touched for this long, in ms. */
const FOREIGN_MS = 90_000

/** Part of a file's name that says which process made it, and is never used twice: anybody may remove a dead one's file at any time. */
export function ownedName(): string {
  const { machine, pid, start } = ownIdentity()
  return `${machine}-${pid}-${start}-${randomBytes(6).toString('hex')}`
}

/** The process that a file's name names; null for a file that is not one process's own. */
export function ownerOf(name: string): ProcessIdentity | null {
  const [, machine, pid, start] =
    /(?:^|\.)([0-9a-f]{12})-(\d+)-(\d+)-[0-9a-f-]+\.(?:lock|[0-9a-f]{40}\.claim|space(?:\.next)?|blobs|link|ref)$/.exec(name) ?? []
  return machine !== undefined && pid !== undefined && start !== undefined ? { machine, pid: Number(pid), start } : null
}

/** Whether the owner of a file lives; one of another machine, which cannot be looked at from here, as long as it touches the file. */
export async function livesOrTouches(owner: ProcessIdentity, path: string): Promise<boolean> {
  return isAlive(owner) ?? touchedLately(path)
}

async function touchedLately(path: string): Promise<boolean> {
  // A link that has no place yet leads to nothing from here.
  const facts = await lstat(path).catch(() => null) // released meanwhile
  return facts !== null && Date.now() - facts.mtimeMs < FOREIGN_MS
}

/** Removes what dead processes left beside their downloads: locks, claims, promises of room, links and refs that had no place yet. */
export async function removeRemains(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const owner = ownerOf(name)
    if (owner === null) continue
    // Of the files of a promise, one is touched for all, and it is not the first that is written.
    const path = join(folder, name)
    const touched = path.replace(/\.(?:space\.next|blobs)$/, '.space')
    if ((await livesOrTouches(owner, path)) || (await livesOrTouches(owner, touched))) continue
    await rm(path, { force: true }).catch(() => {}) // another user's stays, and keeps nobody from the rest
  }
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
