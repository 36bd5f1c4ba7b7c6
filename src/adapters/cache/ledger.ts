import { constants } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
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
    async read() {
      const texts = []
      for (const name of await monthsIn(folder)) texts.push(await readFile(join(folder, name), 'utf8'))
      const events = texts.flatMap(eventsIn)
      return events.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)) // writers are several, and a clock may step
    },
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

async function monthsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^\d{4}-\d{2}\.jsonl$/.test(name)).toSorted()
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw error
  }
}
