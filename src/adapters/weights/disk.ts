import { mkdir, open, rmdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AimError, isAimError } from '../../contracts/errors.js'

/** True when a file of this size is there, directly or through links. */
export async function isWhole(path: string, size: number): Promise<boolean> {
  const facts = await stat(path).catch(() => null) // a link to nothing is as good as absent
  return facts !== null && facts.isFile() && facts.size === size
}

/** Free bytes for us on the file system that `path` is or will be on, and its size. */
export async function spaceAt(path: string): Promise<{ free: number; total: number }> {
  const facts = await atNearest(path, (folder) => statfs(folder))
  return { free: facts.bavail * facts.bsize, total: facts.blocks * facts.bsize }
}

/** Left free by a download: 64 MiB, or 1 % of a volume so small that this is less. */
export function headroom(totalBytes: number): number {
  return Math.min(64 << 20, Math.floor(totalBytes / 100))
}

async function onSameFileSystem(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => atNearest(path, (folder) => stat(folder))))
  return first?.dev === second?.dev
}

/** Asks about the folder itself, or its nearest ancestor that exists: others may tidy it away at any moment. */
async function atNearest<T>(path: string, ask: (folder: string) => Promise<T>): Promise<T> {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      return await ask(folder)
    } catch (error) {
      if (folder === dirname(folder)) throw error
    }
  }
}

/** Makes a rename or a new link in this folder outlive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Several processes may tidy at once, each as often as it ends a download. */
const MOST_TRIES = 50

/** Does something in `folder`, which is made first; again when somebody tidied the empty folder away in between. */
export async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    await makeFolder(folder)
    try {
      return await work()
    } catch (error) {
      if (errno(error) !== 'ENOENT' || tries === MOST_TRIES) throw error
    }
  }
}

/** As `mkdir -p`. Node's own recursive mkdir calls a read-only file system ENOENT. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (errno(error) === 'EEXIST') return
    if (errno(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolder(dirname(path))
    await makeFolder(path)
  }
}

/** Removes a folder when it is empty. Only tidies up: what cannot be removed, for whatever reason, does no harm. */
export async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {})
}

/** Says in a code of the table what the file system refused; other errors stay as they are. `needed` in bytes. */
export async function storageFailure(error: unknown, path: string, needed: number): Promise<unknown> {
  if (isAimError(error)) return error
  const code = errno(error) ?? ''
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const { free } = await spaceAt(path)
    return new AimError('DiskFull', { path, needed, free, evictable: 0 }, { cause: error }) // the store finds out what could be evicted
  }
  if (['EACCES', 'EPERM', 'EROFS', 'EXDEV', 'ENOTSUP'].includes(code)) {
    return new AimError('CacheUnwritable', { path: (error as NodeJS.ErrnoException).path ?? path, reason: code }, { cause: error })
  }
  return error
}

export function errno(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
}

/**
 * Where part files go: `wanted`, unless that is on another file system than the cache, as when the cache is a mount of its own.
 * Then inside the cache, where the hub's tools warn about it as long as a download runs: a rename cannot cross file systems.
 */
export async function partialsFolder(wanted: string, hubCache: string): Promise<string> {
  return (await onSameFileSystem(wanted, hubCache)) ? wanted : join(hubCache, '.aim-partials')
}
