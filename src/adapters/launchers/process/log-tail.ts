import { open } from 'node:fs/promises'

const CHUNK = 64 * 1024
/** No log line that explains anything is longer; a longer one would bloat a workflow history. */
const LINE_LENGTH = 500
/** Bytes that are read at most: enough for thousands of lines. */
const LIMIT = 4 * 1024 * 1024

/** The last lines of a log, oldest first, also over its last rotation. Empty when there is no log. */
export async function tailOf(file: string, lines: number): Promise<string[]> {
  const tail = await lastLines(file, lines)
  if (tail.length >= lines) return tail
  return [...(await lastLines(`${file}.1`, lines - tail.length)), ...tail]
}

/** Reads from the end, so that a log of any size costs the same. */
async function lastLines(file: string, lines: number): Promise<string[]> {
  if (lines <= 0) return []
  const handle = await open(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  })
  if (handle === null) return []
  try {
    let start = (await handle.stat()).size
    let text = Buffer.alloc(0)
    while (start > 0 && text.length < LIMIT && count(text) <= lines) {
      const length = Math.min(CHUNK, start)
      start -= length
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start)
      text = Buffer.concat([buffer.subarray(0, bytesRead), text])
    }
    if (text.length === 0) return []
    return text.toString('utf8').replace(/\n$/, '').split('\n').slice(-lines).map(visible)
  } finally {
    await handle.close()
  }
}

function count(text: Buffer): number {
  let lines = 0
  for (let at = text.indexOf(10); at !== -1; at = text.indexOf(10, at + 1)) lines++
  return lines
}

/** A progress bar rewrites its line with carriage returns: what a person would see is its last state. */
function visible(line: string): string {
  const shown = line.replace(/\r+$/, '')
  return shown.slice(shown.lastIndexOf('\r') + 1).slice(0, LINE_LENGTH)
}
