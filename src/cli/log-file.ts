import { createReadStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const CHUNK = 64 * 1024

/** Some bytes of a log: from `start` up to `end`. */
export type LogSlice = { file: string; start: number; end: number }

/**
 * Where the last `lines` lines of a log are, also over its rotations (`file.1` is newer than `file.2`), oldest slice first.
 * The last slice is of `file` itself and ends where following goes on.
 */
export async function tailSlices(file: string, lines: number): Promise<LogSlice[]> {
  const slices: LogSlice[] = []
  let missing = lines
  for (const each of await newestFirst(file)) {
    const { size } = await stat(each)
    const { start, found } = await tailStart(each, size, missing)
    slices.unshift({ file: each, start, end: size })
    missing -= found
    if (missing <= 0) break
  }
  return slices
}

/** Copies a slice out, as it is. */
export async function copySlice({ file, start, end }: LogSlice, write: (bytes: Buffer) => void): Promise<void> {
  if (end <= start) return
  for await (const bytes of createReadStream(file, { start, end: end - 1 })) write(bytes as Buffer)
}

async function newestFirst(file: string): Promise<string[]> {
  const prefix = `${basename(file)}.`
  const rotated = (await readdir(dirname(file)))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .toSorted((a, b) => Number(a.slice(prefix.length)) - Number(b.slice(prefix.length)))
  return [file, ...rotated.map((name) => join(dirname(file), name))]
}

/** Reads from the end, so that a log of any size costs the same. */
async function tailStart(file: string, size: number, lines: number): Promise<{ start: number; found: number }> {
  if (lines <= 0 || size === 0) return { start: size, found: 0 }
  const handle = await open(file)
  try {
    let found = 1 // the newest line needs no newline before it
    for (let end = size; end > 0; end -= CHUNK) {
      const from = Math.max(0, end - CHUNK)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - from), 0, end - from, from)
      for (let at = bytesRead - 1; at >= 0; at--) {
        if (buffer[at] !== 10 || from + at === size - 1) continue
        if (found === lines) return { start: from + at + 1, found }
        found++
      }
    }
    return { start: 0, found }
  } finally {
    await handle.close()
  }
}

/**
 * What was appended after `position`; null when the log is gone, as it is after a stop. A log that became shorter was copied to
 * `file.1` and begun anew: the rest is there.
 */
export async function newSlices(file: string, position: number): Promise<LogSlice[] | null> {
  const size = await sizeOf(file)
  if (size === null) return null
  if (size >= position) return [{ file, start: position, end: size }]
  const rotated = `${file}.1`
  const copied = (await sizeOf(rotated)) ?? 0
  return [
    { file: rotated, start: Math.min(position, copied), end: copied },
    { file, start: 0, end: size },
  ]
}

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
