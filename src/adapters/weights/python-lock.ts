import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { mkdir, open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errno } from './disk.js'

/**
 * A lock that was taken, or why not. `held`: another process has it. `absent`: nobody ever locked it. `unknown`: its file cannot be opened, or
 * this machine has no `flock`, so nobody can tell.
 */
export type PythonLock = { release(): Promise<void> } | 'held' | 'absent' | 'unknown'

/** Where the hub's Python client locks a blob of a repository's folder. */
export const pythonLockPath = (hubCache: string, folder: string, blob: string): string => join(hubCache, '.locks', folder, `${blob}.lock`)

/**
 * Takes a lock file of the hub's Python client, who uses flock(2): Node has no call for it, so that util-linux's `flock` locks the open
 * file that it inherits and shares with us. The lock ends with our descriptor, and so with this process.
 */
export async function tryPythonLock(file: string, { create = false } = {}): Promise<PythonLock> {
  let handle: FileHandle
  try {
    if (create) await mkdir(dirname(file), { recursive: true })
    handle = await open(file, constants.O_RDWR | constants.O_NOFOLLOW | (create ? constants.O_CREAT : 0), 0o666)
  } catch (error) {
    return errno(error) === 'ENOENT' ? 'absent' : 'unknown'
  }
  const status = await flock(handle.fd)
  if (status === 0) return { release: () => handle.close() }
  await handle.close()
  return status === null ? 'unknown' : 'held'
}

/** Exit code of `flock` on the open file; null where it cannot be run. Never waits for a lock, nor holds up what else this process does. */
function flock(descriptor: number): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] })
    child.once('error', () => resolve(null))
    child.once('exit', (code) => resolve(code ?? -1))
  })
}

/** Whether nobody holds the lock at this moment. */
export async function isFree(file: string): Promise<boolean> {
  const lock = await tryPythonLock(file)
  if (typeof lock === 'object') await lock.release()
  return typeof lock === 'object' || lock === 'absent'
}

/** Bytes that Python has of a blob that it is bringing. */
export async function bytesOfPython(blobs: string, digest: string): Promise<number> {
  const names = (await readdir(blobs).catch(() => [])).filter((name) => name.startsWith(digest) && name.endsWith('.incomplete')) // no folder yet
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(blobs, name)).catch(() => null))?.size ?? 0)) // just renamed
  return Math.max(0, ...sizes)
}
