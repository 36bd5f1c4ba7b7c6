import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileDigest } from '../contracts/model.js'
import type { StoredFile } from './files.js'

/** From this size on, and for these names, a file is served as a large one, as the hub does with weights. */
const LARGE_BYTES = 1 << 20
const LARGE_NAMES = /\.(safetensors|gguf|bin)$/
const READ_BYTES = 4 << 20

export type Digests = (file: StoredFile) => Promise<FileDigest>

/**
 * Digest of a file: read from the name of its blob in a Hugging Face cache, else computed at the first question and kept until
 * path, size or time of change differ. One file at a time: a model of 100 GB takes minutes to be listed for the first time.
 */
export function createDigests(): Digests {
  const known = new Map<string, Promise<FileDigest>>()
  let last: Promise<unknown> = Promise.resolve()

  return (file) => {
    const named = digestOfBlob(file.blob)
    if (named !== null) return Promise.resolve(named)
    const key = `${file.real}\0${file.size}\0${file.mtimeMs}`
    let digest = known.get(key)
    if (digest === undefined) {
      digest = last.then(() => compute(file))
      known.set(key, digest)
      last = digest.catch(() => known.delete(key)) // the asker sees the error; the next one tries again
    }
    return digest
  }
}

function digestOfBlob(blob: string | null): FileDigest | null {
  if (blob === null || !/^[0-9a-f]+$/.test(blob)) return null
  if (blob.length === 64) return { kind: 'sha256', hex: blob }
  return blob.length === 40 ? { kind: 'git-sha1', hex: blob } : null
}

async function compute(file: StoredFile): Promise<FileDigest> {
  const large = file.size >= LARGE_BYTES || LARGE_NAMES.test(file.path)
  const hash = large ? createHash('sha256') : createHash('sha1').update(`blob ${file.size}\0`)
  const handle = await open(file.real)
  try {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, file.size)))
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length)
      if (bytesRead === 0) break
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
  return { kind: large ? 'sha256' : 'git-sha1', hex: hash.digest('hex') }
}

/** What git itself stores for a large file. Its sha1 is the hub's `blobId`, its length the `pointerSize`. */
export function lfsPointer(sha256: string, size: number): { oid: string; size: number } {
  const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`
  return { oid: createHash('sha1').update(`blob ${text.length}\0${text}`).digest('hex'), size: text.length }
}
