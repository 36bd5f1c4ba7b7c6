import { readlinkSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ScannedBlob } from '../../domain/cache/scan.js'
import { tryLock } from '../weights/blob-lock.js'
import { isDigest, type CachePlaces } from './places.js'
import { pythonLockPath, tryPythonLock } from '../weights/python-lock.js'
import { facts, list, orGone } from './stored-files.js'
import { sweepPayload } from './sweep-payload.js'

/** Removes a blob that nothing links to, and the shared file behind it when it was the last. The answer is why it stays; null: it is gone. */
export async function removeBlob(places: CachePlaces, folder: string, { name, payload }: ScannedBlob): Promise<string | null> {
  const root = join(places.hubCache, folder)
  const stays = await withBlobLocks(places, folder, name, async () => {
    if (isLinked(root, name)) return LINKED
    const [blob, aside] = [join(root, 'blobs', name), join(places.partials, `${name}.evicted`)]
    if (!isDigest(name)) await rm(blob, { force: true })
    else {
      // Who finds the blob whole links to it without a lock: only when it has lost its name it can be known that nobody did.
      await rename(blob, aside)
      if (isLinked(root, name)) {
        await rename(aside, blob)
        return LINKED
      }
      await rm(aside, { force: true })
    }
    return null
  })
  return stays === null && payload !== null ? sweepPayload(places.hubCache, payload) : stays
}

const LINKED = 'a revision links to it again'

/** Does something while nobody writes the blob, neither we nor Python's client. The answer is the work's own, or who is at it. */
export async function withBlobLocks(
  { hubCache, partials }: CachePlaces,
  folder: string,
  blob: string,
  work: () => Promise<string | null>,
): Promise<string | null> {
  const ours = await tryLock(partials, blob)
  if (ours === null) return 'somebody is writing it'
  try {
    // Made where there is none: who comes in the middle of the work would not find a lock that was not taken.
    const python = await tryPythonLock(pythonLockPath(hubCache, folder, blob), { create: true })
    if (typeof python !== 'object') return 'another program has it locked'
    try {
      return await work()
    } finally {
      await python.release()
    }
  } finally {
    await ours.release()
  }
}

/** Whether any snapshot of the repository links to the blob, by its name alone: a link to elsewhere keeps it too. */
function isLinked(root: string, blob: string): boolean {
  const folders = [join(root, 'snapshots')]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of list(folder)) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isSymbolicLink() && basename(orGone(() => readlinkSync(path)) ?? '') === blob) return true
    }
  }
  return false
}

/** Whether the snapshot changed since it was read. */
export function changedSince(folder: string, changedAt: number): boolean {
  return (facts(folder)?.mtimeMs ?? Infinity) > changedAt
}
