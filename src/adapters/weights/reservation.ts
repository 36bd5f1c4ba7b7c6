import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AimError } from '../../contracts/errors.js'
import { namesIn, touchedLately } from './blob-lock.js'
import { errno, headroom, inFolder, spaceAt } from './disk.js'
import { isAlive, ownIdentity } from './process-identity.js'

/** Room on a volume that a running download still needs. */
export type Reservation = {
  /** So many bytes are still to come. Said every few seconds, or other machines take it for dead. */
  shrink(remaining: number): Promise<void>
  release(): Promise<void>
}

const MOST_TRIES = 4
const AGAIN_MS = 200

/**
 * Reserves room for `needed` bytes, counting what all running downloads of this folder, in any process, still need. Each keeps a file that
 * says so under its process's identity; a dead one's counts no more.
 * @throws AimError `DiskFull` with `needed` and `free` (what others leave), in bytes.
 */
export async function reserve(folder: string, volume: string, needed: number): Promise<Reservation> {
  const { machine, pid, start } = ownIdentity()
  const path = join(folder, `${machine}-${pid}-${start}-${randomBytes(6).toString('hex')}.space`)
  for (let tries = 1; ; tries++) {
    await inFolder(folder, () => writeFile(path, String(needed), { flag: 'wx' }))
    const { free, total } = await spaceAt(volume)
    const left = free - (await promisedToOthers(folder, path))
    const wanted = needed + headroom(total)
    if (wanted <= left) break
    await rm(path, { force: true })
    // Of two that ask at the same moment each sees the other: they ask again, at different times.
    if (wanted > free || tries === MOST_TRIES) throw new AimError('DiskFull', { path: volume, needed: wanted, free: Math.max(0, left) })
    await sleep(AGAIN_MS * Math.random())
  }
  async function renew(remaining: number): Promise<void> {
    const next = `${path}.next`
    await writeFile(next, String(remaining))
    await rename(next, path)
  }
  let renewed: Promise<void> = Promise.resolve()
  return {
    shrink(remaining) {
      renewed = renewed.catch(() => {}).then(() => renew(remaining)) // who asked for the last one was told
      return renewed
    },
    async release() {
      await renewed.catch(() => {}) // else it would come back after it went
      for (const each of [path, `${path}.next`]) await rm(each, { force: true })
      await removeDeadPromises(folder)
    },
  }
}

/** Removes what downloads left here that did not end by themselves. */
export async function removeDeadPromises(folder: string): Promise<void> {
  await promisedToOthers(folder, '')
}

/** Bytes that live downloads still need; what dead ones left is removed. */
async function promisedToOthers(folder: string, own: string): Promise<number> {
  let bytes = 0
  for (const name of await namesIn(folder)) {
    const [, machine, pid, start, next] = /^([0-9a-f]{12})-(\d+)-(\d+)-[0-9a-f]+\.space(\.next)?$/.exec(name) ?? []
    const path = join(folder, name)
    if (machine === undefined || pid === undefined || start === undefined || path === own) continue
    const alive = isAlive({ machine, pid: Number(pid), start }) ?? (await touchedLately(path))
    if (!alive) await rm(path, { force: true })
    else if (next === undefined) bytes += Number(await readPromise(path))
  }
  return bytes
}

async function readPromise(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return '0' // released meanwhile
    throw error
  })
}
