import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { errno } from '../weights/disk.js'
import { startHash } from '../start-hash.js'

const READ_BYTES = 4 << 20

/** Digest of a file as a hub would name it; the next piece is read while one is hashed. `onBytes` is told the length of each. */
export async function hashFile(
  path: string,
  kind: 'sha256' | 'git-sha1',
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  const handle = await openUnseen(path)
  try {
    const { size } = await handle.stat()
    const hash = startHash({ digest: { kind, hex: '' }, size })
    const buffers = [0, 1].map(() => Buffer.allocUnsafe(Math.min(READ_BYTES, size + 1)))
    const read = (turn: number) => handle.read(buffers[turn % 2] as Buffer, 0, READ_BYTES > size ? size + 1 : READ_BYTES)
    let next = read(0)
    for (let turn = 1; ; turn++) {
      const { bytesRead, buffer } = await next
      if (bytesRead === 0) return hash.digest('hex')
      signal?.throwIfAborted()
      next = read(turn)
      hash.update(buffer.subarray(0, bytesRead))
      onBytes(bytesRead)
    }
  } finally {
    await handle.close()
  }
}

/** Without a trace in the time of the last reading, which tells what is used: only the owner of a file may ask for that. */
async function openUnseen(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOATIME)
  } catch (error) {
    if (errno(error) === 'EPERM') return open(path)
    throw error
  }
}
