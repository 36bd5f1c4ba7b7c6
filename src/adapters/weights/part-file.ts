import { constants } from 'node:fs'
import { open, readFile, type FileHandle } from 'node:fs/promises'
import type { ModelFile } from '../../contracts/model.js'
import { Extents } from '../../domain/cache/extents.js'
import type { FollowingHash, HashThreads } from './transfer/hash-threads.js'

/** What of a file is on disk is kept by blocks of this size: one byte of the map for each. */
export const BLOCK_BYTES = 256 << 10

/** The file while it is being brought: parts arrive anywhere, and the hash follows what is there from the beginning. */
export type PartFile = {
  readonly path: string
  /** What is there; exact for what this process wrote, by whole blocks for what an earlier one left. */
  readonly extents: Extents
  /** Whether an earlier process left something in it. */
  resumed(): boolean
  write(bytes: Buffer, at: number): Promise<void>
  /** Digest of the whole, once every byte is there. */
  digest(): Promise<string>
  /** Begins anew: what was written is wrong. */
  clear(): Promise<void>
  /** Puts what was written at `path`, and with `durable` also beyond a power cut. */
  persist(durable: boolean): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a part file and its map. A block is marked after its bytes were written, so a kill leaves a map that claims too little, never too much.
 * What a power cut may leave is caught by the digest of the whole.
 */
export async function openPart(path: string, mapPath: string, file: ModelFile, hashes: HashThreads): Promise<PartFile> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT)
  let map: FileHandle | undefined
  try {
    map = await open(mapPath, constants.O_RDWR | constants.O_CREAT)
    const extents = new Extents()
    // A part of another length was not written by us.
    if ((await handle.stat()).size === file.size) markKnown(extents, await map.readFile(), file.size)
    else await map.truncate(0)
    await handle.truncate(file.size)
    return opened({ path, handle, map, file, hashes, extents })
  } catch (error) {
    await map?.close()
    await handle.close()
    throw error
  }
}

/** Bytes that a map says are there, for those who only look on. 0 where there is no map. */
export async function bytesInMap(mapPath: string, size: number): Promise<number> {
  const extents = new Extents()
  markKnown(extents, await readFile(mapPath).catch(() => Buffer.alloc(0)), size) // absent, or just removed
  return extents.bytes()
}

function markKnown(extents: Extents, map: Buffer, size: number): void {
  for (const [block, mark] of map.entries()) {
    if (mark === 1) extents.add(block * BLOCK_BYTES, Math.min(size, (block + 1) * BLOCK_BYTES))
  }
}

type Opened = { path: string; handle: FileHandle; map: FileHandle; file: ModelFile; hashes: HashThreads; extents: Extents }

function opened({ path, handle, map, file, hashes, extents }: Opened): PartFile {
  let hash: FollowingHash = hashes.follow(path, file)
  let leftByAnother = extents.bytes() > 0
  hash.advance(extents.frontier())

  /** Marks the blocks that were finished by the bytes from `start` to `end`. */
  async function mark(start: number, end: number): Promise<void> {
    let from = Math.floor(start / BLOCK_BYTES)
    let to = Math.ceil(end / BLOCK_BYTES)
    if (!extents.covers(from * BLOCK_BYTES, start)) from += 1
    if (!extents.covers(end, Math.min(file.size, to * BLOCK_BYTES))) to -= 1
    if (to > from) await map.write(Buffer.alloc(to - from, 1), 0, to - from, from)
  }

  return {
    path,
    extents,
    resumed: () => leftByAnother,
    async write(bytes, at) {
      await writeAll(handle, bytes, at)
      extents.add(at, at + bytes.length)
      hash.advance(extents.frontier())
      await mark(at, at + bytes.length)
    },
    digest: () => hash.digest(),
    async clear() {
      await map.truncate(0)
      extents.clear()
      leftByAnother = false
      hash.drop()
      hash = hashes.follow(path, file)
    },
    async persist(durable) {
      if (durable) await handle.datasync()
    },
    async close() {
      hash.drop()
      await map.close()
      await handle.close()
    },
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  const { bytesWritten } = await handle.write(bytes, 0, bytes.length, at)
  if (bytesWritten === bytes.length) return
  // A short write: mostly a disk about to be full, and the next write says so.
  if (bytesWritten === 0) throw Object.assign(new Error('nothing could be written'), { code: 'ENOSPC' })
  await writeAll(handle, bytes.subarray(bytesWritten), at + bytesWritten)
}
