import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { AimError } from '../contracts/errors.js'
import { isAlive, processStartTime } from './stack-file.js'

/** A lock on one file. It ends with `release()`, which may be repeated, or with this process, however that ends: there is no stale lock to judge. */
export type FileLock = { release(): void }

type Owner = { pid: number; startTime: number }

/**
 * Takes the lock of `file` (made when absent) or throws at once. The file names its holder for people to read.
 * @throws AimError `AlreadyRunning` saying `what` holds it.
 */
export function lockFile(file: string, what: string): FileLock {
  const lock = tryLockFile(file)
  if ('heldBy' in lock) throw new AimError('AlreadyRunning', { what, pid: lock.heldBy ?? 'unknown' })
  return lock
}

/** The lock of `file`, or the pid of who holds it (null when it cannot be told). */
export function tryLockFile(file: string): FileLock | { heldBy: number | null } {
  mkdirSync(dirname(file), { recursive: true })
  const descriptor = openSync(file, 'a+', 0o600)
  if (!lockDescriptor(descriptor, file)) {
    closeSync(descriptor)
    return { heldBy: readOwner(file)?.pid ?? null }
  }
  const owner: Owner = { pid: process.pid, startTime: processStartTime(process.pid) ?? 0 }
  ftruncateSync(descriptor)
  writeSync(descriptor, `${JSON.stringify(owner)}\n`)
  let held = true
  return {
    release() {
      if (held) closeSync(descriptor)
      held = false
    },
  }
}

/**
 * `flock` (util-linux, busybox) locks the open file that it inherits and shares with us, so the lock stays when it has ended:
 * Node has no call for it. Without that program the named holder decides, which two starts in the same instant can get past.
 */
function lockDescriptor(descriptor: number, file: string): boolean {
  const { error, status, signal } = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] })
  if (error !== undefined) {
    const owner = readOwner(file)
    return owner === null || !isAlive(owner)
  }
  if (status === 0 || status === 1) return status === 0
  closeSync(descriptor)
  throw new Error(`${file} cannot be locked: flock ended with ${status ?? signal}`)
}

function readOwner(file: string): Owner | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner
  } catch {
    return null // new, or its holder is just writing it
  }
}
