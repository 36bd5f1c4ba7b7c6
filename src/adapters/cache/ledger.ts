import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AimError } from '../../contracts/errors.js'
import type { CacheEvent } from '../../domain/cache/event.js'
import type { CacheLedger } from '../../ports/cache-ledger.js'
import { errno, inFolder } from '../weights/disk.js'
import { eventsIn, lineOf } from './ledger-lines.js'

export type LedgerOptions = {
  /** One file a month, in lines of JSON. */
  folder: string
  /** Told once when events cannot be written. */
  onWarning?: (text: string) => void
}

/** `record` is for what must not be lost in silence: a pin. @throws AimError `CacheUnwritable` */
export type Ledger = CacheLedger & { record(event: CacheEvent): Promise<void> }

export function createLedger({ folder, onWarning = () => {} }: LedgerOptions): Ledger {
  let told = false

  async function record(event: CacheEvent): Promise<void> {
    const file = join(folder, `${event.at.slice(0, 7)}.jsonl`)
    try {
      await inFolder(folder, () => appendOnce(file, lineOf(event)))
    } catch (error) {
      throw new AimError('CacheUnwritable', { path: file, reason: errno(error) ?? String(error) }, { cause: error })
    }
  }

  return {
    record,
    async append(event) {
      try {
        await record(event)
      } catch (error) {
        if (!told) onWarning(`statistics of the cache are lost: ${(error as Error).message}`)
        told = true
      }
    },
    read: () => followFolder(folder)(),
    follow: () => followFolder(folder),
  }
}

/** A single write at the end of the file: lines of several processes do not mix. */
async function appendOnce(file: string, line: Buffer): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o644)
  try {
    const { bytesWritten } = await handle.write(line)
    if (bytesWritten < line.length) throw Object.assign(new Error('only a part could be written'), { code: 'ENOSPC' })
  } finally {
    await handle.close()
  }
}

/** What was read of one file: its events up to the byte `end`, behind a line's end. */
type Known = { end: number; events: CacheEvent[] }

function followFolder(folder: string): () => Promise<CacheEvent[]> {
  const known = new Map<string, Known>()
  return async () => {
    const all: CacheEvent[][] = []
    const names = await monthsIn(folder)
    for (const name of known.keys()) if (!names.includes(name)) known.delete(name)
    for (const name of names) {
      const { rest, ...now } = await readOn(join(folder, name), known.get(name) ?? { end: 0, events: [] })
      known.set(name, now)
      all.push(now.events, rest)
    }
    return all.flat().toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)) // writers are several, and a clock may step
  }
}

/** `rest` is behind the last line's end: it may be a line that is being written. A file that became shorter is another one. */
async function readOn(file: string, before: Known): Promise<Known & { rest: CacheEvent[] }> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const { end, events } = size < before.end ? { end: 0, events: [] } : before
    const bytes = Buffer.alloc(size - end)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, end)
    const lines = bytes.subarray(0, bytes.lastIndexOf('\n', bytesRead - 1) + 1)
    const rest = bytes.subarray(lines.length, bytesRead)
    return { end: end + lines.length, events: [...events, ...eventsIn(lines.toString())], rest: eventsIn(rest.toString()) }
  } finally {
    await handle.close()
  }
}

async function monthsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^\d{4}-\d{2}\.jsonl$/.test(name)).toSorted()
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw error
  }
}
