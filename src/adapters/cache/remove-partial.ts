import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ScannedPartial } from '../../domain/cache/scan.js'
import { tryLock } from '../weights/blob-lock.js'
import { isDigest, type CachePlaces } from './places.js'
import { tryPythonLock } from '../weights/python-lock.js'
import { lockOfIncomplete } from './scan.js'
import { factsBelow, filesOfPartials } from './scan-partials.js'

/** Removes what a dead download left. The answer is why it stays; null: it is gone. */
export function removePartial(places: CachePlaces, partial: ScannedPartial): Promise<string | null> {
  return isDigest(partial.id) ? removeOurs(places, partial) : removePythons(places, partial)
}

async function removeOurs({ partials }: CachePlaces, { id, changedAt }: ScannedPartial): Promise<string | null> {
  const lock = await tryLock(partials, id)
  if (lock === null) return TAKEN_UP
  try {
    const paths = filesOfPartials(partials, id).map((name) => join(partials, name))
    if (paths.some((path) => isNewer(path, changedAt))) return TAKEN_UP
    // The journal last: it says whose the rest is.
    for (const path of paths.toSorted((a, b) => Number(a.endsWith('.json')) - Number(b.endsWith('.json'))))
      await rm(path, { recursive: true, force: true })
    return null
  } finally {
    await lock.release()
  }
}

async function removePythons({ hubCache }: CachePlaces, { id, changedAt }: ScannedPartial): Promise<string | null> {
  const [folder = ''] = id.split('/')
  const lock = await tryPythonLock(lockOfIncomplete(hubCache, folder, id))
  if (lock === 'held' || lock === 'unknown') return TAKEN_UP
  try {
    const path = join(hubCache, id)
    if (isNewer(path, changedAt)) return TAKEN_UP
    await rm(path, { force: true })
    return null
  } finally {
    if (typeof lock === 'object') await lock.release()
  }
}

const TAKEN_UP = 'somebody has taken the download up again'

function isNewer(path: string, changedAt: number): boolean {
  return factsBelow(path).some(({ mtimeMs, ctimeMs }) => Math.max(mtimeMs, ctimeMs) > changedAt)
}
