import { createHash } from 'node:crypto'
import { rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WeightStore } from '../../ports/weight-store.js'
import { lockedDigests, tryLock, type BlobLock } from './blob-lock.js'
import { errno, inFolder, partialsFolder, removeIfEmpty } from './disk.js'
import { layoutOf, requireValidFiles } from './layout.js'
import { livesOrTouches, namesIn, ownedName, ownerOf, removeRemains } from './owned-files.js'
import { pause } from './transfer/retry.js'

type Revision = { repo: string; commit: string }

const LOOK_MS = 50
const TOUCH_MS = 10_000

/**
 * `ensure`, such that no cleanup takes the revision between its first look and its line in the ledger. Any number may claim a revision at once; a
 * cleanup locks it. Each writes its own file first and looks for the other's then, so that at least one sees the other: the cleanup gives way to a claim,
 * a claim waits for a cleanup that came first.
 */
export function claiming(wanted: string, hubCache: string, ensure: WeightStore['ensure']): WeightStore['ensure'] {
  return async (model, files, options) => {
    requireValidFiles(files)
    layoutOf(hubCache, model)
    options.signal?.throwIfAborted()
    const release = await claimRevision(await partialsFolder(wanted, hubCache), model, options.signal ?? new AbortController().signal)
    try {
      return await ensure(model, files, options)
    } finally {
      await release()
    }
  }
}

/** Claims a revision when no cleanup is at it any more. The answer ends the claim. */
async function claimRevision(folder: string, revision: Revision, signal: AbortSignal): Promise<() => Promise<void>> {
  const key = keyOf(revision)
  const path = join(folder, `${ownedName()}.${key}.claim`)
  try {
    await inFolder(folder, () => writeFile(path, '', { flag: 'wx' }))
  } catch (error) {
    // Where nothing can be written, what is whole still serves; nor does a cleanup with our rights remove anything from a read-only cache.
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT'].includes(errno(error) ?? '')) throw error
  }
  const touch = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => clearInterval(touch)) // taken away: we were taken for dead
  }, TOUCH_MS)
  touch.unref()
  const release = async (): Promise<void> => {
    clearInterval(touch)
    await rm(path, { force: true })
    await removeRemains(folder).catch(() => {}) // only tidies up: on a read-only disk it stays
    await removeIfEmpty(folder)
  }
  try {
    while ((await lockedDigests(folder)).has(key)) await pause(LOOK_MS, signal)
    return release
  } catch (error) {
    await release()
    throw error
  }
}

/** The right to remove a revision; otherwise why it stays. The caller looks at the ledger only after it has this. */
export async function lockRevision(folder: string, revision: Revision): Promise<BlobLock | string> {
  const key = keyOf(revision)
  const lock = await tryLock(folder, key)
  if (lock === null) return 'another cleanup is at it'
  if (!(await liveClaims(folder)).has(key)) return lock
  await lock.release()
  return 'somebody is asking for it now'
}

/** Keys of the revisions that live processes claim. */
async function liveClaims(folder: string): Promise<Set<string>> {
  const claimed = new Set<string>()
  for (const name of await namesIn(folder)) {
    const [, key] = /\.([0-9a-f]{40})\.claim$/.exec(name) ?? []
    const owner = ownerOf(name)
    if (key !== undefined && owner !== null && (await livesOrTouches(owner, join(folder, name)))) claimed.add(key)
  }
  return claimed
}

/** As a digest, because that is what locks are named by. */
function keyOf({ repo, commit }: Revision): string {
  return createHash('sha1').update(`${repo}@${commit}`).digest('hex')
}
