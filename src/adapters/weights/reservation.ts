import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AimError } from '../../contracts/errors.js'
import { errno, headroom, inFolder, spaceAt } from './disk.js'
import { livesOrTouches, namesIn, ownedName, ownerOf } from './owned-files.js'

/** Room on a volume that a running download still needs. */
export type Reservation = {
  /** So many bytes came. Said every few seconds, or other machines take it for dead. */
  shrink(fetchedBytes: number): Promise<void>
  release(): Promise<void>
}

const MOST_TRIES = 4
const AGAIN_MS = 200

/**
 * Reserves room for blobs, given what each still lacks in bytes, counting what all running downloads of this folder, in any process, still need. Each keeps two files
 * under its process's identity: what it still needs, and for which blobs. A blob that an earlier one brings needs no room of ours; a dead one's files count no more.
 * @throws AimError `DiskFull` with `needed` and `free` (what others leave), in bytes.
 */
export async function reserve(folder: string, volume: string, missing: Map<string, number>): Promise<Reservation> {
  const name = `${ownedName()}-${Date.now()}`
  const [space, blobs] = [join(folder, `${name}.space`), join(folder, `${name}.blobs`)]
  const forget = async (): Promise<void> => {
    for (const path of [space, blobs]) await rm(path, { force: true })
  }
  let needed = 0
  for (let tries = 1; ; tries++) {
    await inFolder(folder, () => writeFile(blobs, [...missing.keys()].join('\n')))
    const others = await othersIn(folder, name)
    needed = [...missing].reduce((sum, [digest, bytes]) => sum + (others.earlier.has(digest) ? 0 : bytes), 0)
    await inFolder(folder, () => writeFile(space, String(needed)))
    const { free, total } = await spaceAt(volume)
    const left = free - (await othersIn(folder, name)).bytes
    const wanted = needed + headroom(total)
    if (needed === 0 || wanted <= left) break
    await forget()
    // Of two that ask at the same moment each sees the other: they ask again, at different times.
    if (wanted > free || tries === MOST_TRIES)
      throw new AimError('DiskFull', { path: volume, needed: wanted, free: Math.max(0, left), evictable: 0 })
    await sleep(AGAIN_MS * Math.random())
  }
  let writing = Promise.resolve()
  let released = false

  async function write(bytes: number): Promise<void> {
    if (released) return
    await writeFile(`${space}.next`, String(bytes))
    await rename(`${space}.next`, space)
  }
  return {
    shrink(fetchedBytes) {
      // Who asked for the last one was told how it went.
      writing = writing.catch(() => {}).then(() => write(Math.max(0, needed - fetchedBytes)))
      return writing
    },
    async release() {
      released = true
      await writing.catch(() => {}) // else it would come back after it went
      await forget()
      await rm(`${space}.next`, { force: true })
    },
  }
}

/** Bytes that live downloads still need, and the blobs of those that asked before `own`. */
async function othersIn(folder: string, own: string): Promise<{ bytes: number; earlier: Set<string> }> {
  let bytes = 0
  const earlier = new Set<string>()
  for (const file of await namesIn(folder)) {
    const [, name, asked, kind] = /^(.+-(\d+))\.(space|blobs)$/.exec(file) ?? []
    const owner = ownerOf(file)
    if (owner === null || name === undefined || name === own) continue
    if (!(await livesOrTouches(owner, join(folder, `${name}.space`)))) continue
    if (kind === 'space') bytes += Number(await readIfThere(join(folder, file)))
    else if (kind === 'blobs' && isEarlier(name, asked, own))
      for (const digest of (await readIfThere(join(folder, file))).split('\n')) earlier.add(digest)
  }
  return { bytes, earlier }
}

/** By the time in their names, and by their names where that is the same. */
function isEarlier(name: string, asked: string | undefined, own: string): boolean {
  const ownAsked = Number(own.split('-').at(-1) ?? 0)
  return Number(asked) < ownAsked || (Number(asked) === ownAsked && name < own)
}

/** Empty when it was released meanwhile. */
async function readIfThere(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return ''
    throw error
  })
}
