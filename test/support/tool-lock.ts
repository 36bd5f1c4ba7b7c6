import { setTimeout as sleep } from 'node:timers/promises'
import { tryLockFile } from '../../src/config/lock-file.js'

/** Runs `work` while nobody else on this machine works under the lock of `file`: a tool is never obtained twice at the same time. */
export async function underLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    const lock = tryLockFile(file)
    if ('heldBy' in lock) {
      await sleep(200)
      continue
    }
    try {
      return await work()
    } finally {
      lock.release()
    }
  }
}
