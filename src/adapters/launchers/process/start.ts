import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AimError } from '../../../contracts/errors.js'
import { requireCompiledFile } from '../../compiled.js'
import { FILES } from './record.js'
import { observe, settled } from './state.js'

const SHIM = 'adapters/launchers/process/shim.js'
/** Megabytes: the shim holds nothing. */
const SHIM_HEAP = 16
const POLL_MS = 5

/**
 * Starts the shim of a recorded launch in a session of its own and returns when it, or another one for the same launch, has
 * written what became of the engine.
 * @throws AimError `Internal` when the shim ends without a word; its reason is in the engine's log.
 */
export async function startShim(
  folder: string,
  env: Record<string, string>,
): Promise<Exclude<Awaited<ReturnType<typeof settled>>, { phase: 'absent' }>> {
  const ended = spawnShim(folder, env)
  for (;;) {
    // The order matters: a shim that had ended before the look has written all that it ever will.
    const over = ended()
    const { phase } = await observe(folder)
    if (phase !== 'absent') break
    if (over !== null) throw new AimError('Internal', { reason: `the shim of ${folder} ended at once (${over}): see ${FILES.log} there` })
    await sleep(POLL_MS)
  }
  const observed = await settled(folder)
  if (observed.phase === 'absent') throw new AimError('Internal', { reason: `${folder} was removed while its engine started` })
  return observed
}

/** Returns a function that says how the shim ended; null while it runs. */
function spawnShim(folder: string, env: Record<string, string>): () => string | null {
  const file = requireCompiledFile(SHIM)
  const log = openSync(join(folder, FILES.log), 'a', 0o600)
  let ended: string | null = null
  try {
    const shim = spawn(process.execPath, [`--max-old-space-size=${SHIM_HEAP}`, file, folder], {
      cwd: folder,
      env,
      detached: true,
      stdio: ['ignore', log, log],
    })
    shim.once('error', (error) => (ended = error.message))
    shim.once('exit', (code, signal) => (ended = signal ?? `exit code ${code}`))
    shim.unref()
  } finally {
    closeSync(log)
  }
  return () => ended
}
