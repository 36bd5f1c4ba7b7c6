import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { tryLockFile, type FileLock } from '../../config/lock-file.js'
import { AimError } from '../../contracts/errors.js'
import type { Registered } from '../../contracts/node-owner.js'
import type { FenceStore } from '../../ports/fence-store.js'

/** Highest fence by what it stands for: `gpu/0`, `replica/chat/0`. */
type Fences = Record<string, number>

/** A check takes milliseconds; who holds the lock for longer is stuck. */
const LOCK_MS = 10_000
const LOOK_MS = 10

/** One small file, replaced as a whole: a machine that loses power has the old one or the new one. `nodeId` is named in refusals. */
export function createFenceStore({ file, nodeId }: { file: string; nodeId: string }): FenceStore {
  let last: Promise<unknown> = Promise.resolve()
  let floor: Registered = { fence: 0, leases: [] }

  /** One after the other in this process, and under a lock between processes. */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(async () => {
      const lock = await takeLock(`${file}.lock`)
      try {
        return await work()
      } finally {
        lock.release()
      }
    })
    last = turn.catch(() => undefined)
    return turn
  }

  return {
    check: ({ endpoint, replica, gpus, fence }) =>
      alone(async () => {
        const isLeased = floor.leases.some((lease) => lease.endpoint === endpoint && lease.replica === replica && lease.fence === fence)
        if (fence <= floor.fence && !isLeased) throw new AimError('LeaseFenced', { fence, endpoint, node: nodeId, highest: floor.fence })
        const fences = await read(file)
        const names = [`replica/${endpoint}/${replica}`, ...gpus.map((gpu) => `gpu/${gpu}`)]
        const highest = Math.max(...names.map((name) => fences[name] ?? 0))
        if (highest > fence) throw new AimError('LeaseFenced', { fence, endpoint, node: nodeId, highest })
        if (names.every((name) => fences[name] === fence)) return
        await write(file, { ...fences, ...Object.fromEntries(names.map((name) => [name, fence])) })
      }),

    admitOnly(registered) {
      floor = registered
    },

    highest: async () => Math.max(0, ...Object.values(await read(file))),
  }
}

async function takeLock(file: string): Promise<FileLock> {
  for (const deadline = Date.now() + LOCK_MS; ;) {
    const lock = tryLockFile(file)
    if (!('heldBy' in lock)) return lock
    if (Date.now() > deadline) throw new Error(`${file} is locked by process ${lock.heldBy ?? 'unknown'} for longer than ${LOCK_MS} ms`)
    await delay(LOOK_MS)
  }
}

/** A file that cannot be read refuses every start: a fence that is forgotten protects nobody. */
async function read(file: string): Promise<Fences> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Fences
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Error(`${file} cannot be read: ${String(error)}`, { cause: error })
  }
}

async function write(file: string, fences: Fences): Promise<void> {
  const next = `${file}.next`
  await mkdir(dirname(file), { recursive: true })
  const handle = await open(next, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(fences)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(next, file)
  await syncFolder(dirname(file))
}

/** The new name is on the disk too before anybody is started under it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
