import type { Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { ModelFile } from '../../contracts/model.js'
import { startHash } from '../start-hash.js'

const READ_BYTES = 4 << 20

/** The file while it is being brought: grows at its end only, and is hashed as it grows. */
export type PartFile = {
  /** Bytes written so far. */
  length(): number
  append(chunks: Buffer[]): Promise<void>
  /** Digest of all that was written. */
  digest(): string
  /** Begins anew: what was written is wrong. */
  clear(): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a part file, and hashes what an earlier process left in it. A kill leaves a true prefix; what a power cut may leave else
 * is caught by the digest of the whole.
 */
export async function openPart(path: string, file: ModelFile, signal?: AbortSignal): Promise<PartFile> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT)
  try {
    let length = (await handle.stat()).size
    if (length > file.size) {
      await handle.truncate(0)
      length = 0
    }
    let hash = await hashPrefix(handle, length, startHash(file), signal)
    return {
      length: () => length,
      async append(chunks) {
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
        const write = writeAll(handle, chunks, bytes, length)
        for (const chunk of chunks) hash.update(chunk)
        await write
        length += bytes
      },
      digest: () => hash.copy().digest('hex'),
      async clear() {
        await handle.truncate(0)
        length = 0
        hash = startHash(file)
      },
      sync: () => handle.datasync(),
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function hashPrefix(handle: FileHandle, length: number, hash: Hash, signal?: AbortSignal): Promise<Hash> {
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, length)))
  for (let at = 0; at < length;) {
    signal?.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - at), at)
    if (bytesRead === 0) throw new Error('the part file shrank while it was read')
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
  return hash
}

async function writeAll(handle: FileHandle, chunks: Buffer[], bytes: number, at: number): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks, at)
  if (bytesWritten === bytes) return
  // A short write: mostly a disk about to be full, and the next write says so.
  const rest = Buffer.concat(chunks).subarray(bytesWritten)
  if (bytesWritten === 0) throw Object.assign(new Error('nothing could be written'), { code: 'ENOSPC' })
  await writeAll(handle, [rest], rest.length, at + bytesWritten)
}
