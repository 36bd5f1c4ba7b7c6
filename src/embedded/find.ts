import { access, constants } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { AimError } from '../contracts/errors.js'
import { inspectProgram, TEMPORAL_VERSION, type TemporalProgram } from './program.js'

/** Where to look: AIM_TEMPORAL_BIN, the search path, and the folder of the tools that we obtained. */
export type FindOptions = { temporalBin: string | undefined; cacheDir: string; path?: string | undefined }

/** The program, or why each place that was looked at has none. */
export type Found = { program: TemporalProgram } | { reasons: string[] }

/** Where a program that we obtain is put: a whole, checked program or nothing. */
export function cachedProgram(cacheDir: string): string {
  return join(cacheDir, 'temporal', TEMPORAL_VERSION, 'temporal')
}

/**
 * Looks for a `temporal` program on this machine: the setting, PATH, our cache. No network.
 * @throws AimError `TemporalMissing` when the setting names a program that cannot be used: what was asked for is never replaced silently.
 */
export async function findTemporal({ temporalBin, cacheDir, path = process.env['PATH'] }: FindOptions): Promise<Found> {
  if (temporalBin !== undefined) {
    const program = await tryProgram(temporalBin, 'setting')
    if ('reason' in program) throw new AimError('TemporalMissing', { reason: `AIM_TEMPORAL_BIN: ${program.reason}` })
    return { program }
  }
  const onPath = await searchPath(path)
  const reasons = onPath === null ? ['PATH has no temporal'] : []
  if (onPath !== null) {
    const program = await tryProgram(onPath, 'path')
    if (!('reason' in program)) return { program }
    reasons.push(program.reason)
  }
  const cached = await tryProgram(cachedProgram(cacheDir), 'cache')
  return 'reason' in cached ? { reasons: [...reasons, cached.reason] } : { program: cached }
}

async function tryProgram(path: string, source: TemporalProgram['source']): Promise<TemporalProgram | { reason: string }> {
  try {
    return { path, source, server: await inspectProgram(path) }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

async function searchPath(path = ''): Promise<string | null> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, 'temporal')
    const executable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (executable) return file
  }
  return null
}
