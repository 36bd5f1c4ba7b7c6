import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { errno } from '../weights/disk.js'

/** `held`: another process has it, or it cannot be told. `absent`: nobody ever locked it. */
export type Flock = { release(): void } | 'held' | 'absent'

/**
 * Takes a lock file of the hub's Python client, who uses flock(2): Node has no call for it, so that util-linux's `flock` locks the open
 * file that it inherits and shares with us. The lock ends with our descriptor.
 */
export function tryFlock(file: string, { create = false } = {}): Flock {
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW | (create ? constants.O_CREAT : 0), 0o666)
  } catch (error) {
    return errno(error) === 'ENOENT' ? 'absent' : 'held'
  }
  const { status } = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] })
  if (status === 0) return { release: () => closeSync(descriptor) }
  closeSync(descriptor)
  return 'held'
}

/** Whether nobody holds the lock at this moment. */
export function isFree(file: string): boolean {
  const lock = tryFlock(file)
  if (typeof lock === 'object') lock.release()
  return lock !== 'held'
}
