import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readStat } from '../launchers/process/identity.js'

/**
 * GPU memory that somebody says to hold, one file each: an engine that stands in for a real one, or what a test plants. It counts while its
 * process lives; without a process (`pid` null) it has leaked, and counts until the file goes.
 */
const Entry = z.object({
  pid: z.int().positive().nullable(),
  /** Clock ticks since boot, as in `/proc/<pid>/stat`; null: whoever has this number. */
  startTime: z.number().nullish(),
  name: z.string().nullish(),
  /** `share` is a part of the whole memory of the GPU. */
  gpus: z.array(z.object({ index: z.int().min(0), bytes: z.number().min(0).optional(), share: z.number().min(0).max(1).optional() })),
})
export type Entry = z.infer<typeof Entry>

/** Entries that count now. Empty without the folder. @throws for a file that is no entry. */
export async function liveEntries(folder: string): Promise<Entry[]> {
  const names = (await orAbsent(readdir(folder))) ?? []
  const files = names.filter((name) => name.endsWith('.json')).toSorted()
  const texts = await Promise.all(files.map((name) => orAbsent(readFile(join(folder, name), 'utf8'))))
  return texts.flatMap((text) => (text === null ? [] : [Entry.parse(JSON.parse(text))])).filter(counts)
}

function counts({ pid, startTime = null }: Entry): boolean {
  if (pid === null) return true
  const stat = readStat(pid)
  return stat !== null && !stat.ended && (startTime === null || stat.startTime === startTime)
}

/** Null: it is not there, or has gone while we looked. */
async function orAbsent<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
