import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tryLockFile, type FileLock } from '../config/lock-file.js'
import { AimError } from '../contracts/errors.js'
import { buildTemporal } from './build.js'
import { downloadTemporal } from './download.js'
import { cachedProgram, findTemporal, type FindOptions } from './find.js'
import { inspectProgram, type TemporalProgram } from './program.js'

/** Puts a program into `folder` and returns its path. Throws an Error with the reason when it cannot. */
type Way = (folder: string, options: { signal?: AbortSignal | undefined; onProgress: (line: string) => void }) => Promise<string>

export type ObtainOptions = FindOptions & {
  signal?: AbortSignal | undefined
  /** One line for people about what happens now; called when something begins and while it lasts. */
  onProgress?: (line: string) => void
  /** How to get a program that is not on this machine, in order. */
  ways?: { source: 'download' | 'build'; get: Way }[]
}

const WAYS: NonNullable<ObtainOptions['ways']> = [
  { source: 'download', get: downloadTemporal },
  { source: 'build', get: buildTemporal },
]

/**
 * A program that can run the Temporal server: found on this machine, else downloaded, else built from source (minutes, once).
 * Two processes never build at the same time, and an interrupted attempt leaves nothing that looks complete.
 * @throws AimError `TemporalMissing` with the reason of each step.
 */
export async function obtainTemporal(options: ObtainOptions): Promise<TemporalProgram> {
  const found = await findTemporal(options)
  if ('program' in found) return found.program
  const lock = await waitForLock(options)
  try {
    return (await builtMeanwhile(options)) ?? (await getTemporal(options, found.reasons))
  } finally {
    lock.release()
  }
}

async function waitForLock({ cacheDir, signal, onProgress = () => {} }: ObtainOptions): Promise<FileLock> {
  for (let told = false; ; told = true) {
    const lock = tryLockFile(join(cacheDir, 'temporal', 'lock'))
    if (!('heldBy' in lock)) return lock
    if (!told) onProgress(`another process (pid ${lock.heldBy ?? 'unknown'}) is getting the Temporal server; waiting for it`)
    await sleep(500, undefined, { signal })
  }
}

async function builtMeanwhile({ cacheDir }: ObtainOptions): Promise<TemporalProgram | null> {
  const found = await findTemporal({ temporalBin: undefined, cacheDir, path: '' })
  return 'program' in found ? found.program : null
}

async function getTemporal(options: ObtainOptions, reasons: string[]): Promise<TemporalProgram> {
  const { cacheDir, signal, ways = WAYS, onProgress = () => {} } = options
  const target = cachedProgram(cacheDir)
  await removeUnfinished(dirname(dirname(target)))
  for (const { source, get } of ways) {
    const folder = await mkdtemp(join(dirname(dirname(target)), '.unfinished-'))
    try {
      const path = await get(folder, { signal, onProgress })
      const server = await inspectProgram(path)
      await mkdir(dirname(target), { recursive: true })
      await rename(path, target)
      return { path: target, source, server }
    } catch (error) {
      signal?.throwIfAborted()
      reasons.push(`${source}: ${(error as Error).message}`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  throw new AimError('TemporalMissing', { reason: reasons.join('; ') })
}

/** What an attempt left that was killed. Called under the lock. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith('.unfinished-')) await rm(join(folder, name), { recursive: true, force: true })
  }
}
