import { setTimeout as sleep } from 'node:timers/promises'
import { AimError } from '../../../contracts/errors.js'
import { isAlive, type ProcessIdentity } from './identity.js'
import { FILES, readRecord, type EngineRecord, type ExitRecord } from './record.js'

/** What a launch folder and the process table say together. `unsettled`: a shim is at work and has not written the next record yet. */
export type Observed =
  | { phase: 'absent' }
  | { phase: 'unsettled' }
  | { phase: 'running'; engine: EngineRecord }
  | { phase: 'exited'; exit: ExitRecord | null }

const POLL_MS = 5
/** A shim needs tens of milliseconds; a machine that swaps needs more. */
const SETTLE_MS = 30_000

/** One look. The usual answer, running, costs one small file and one line of /proc. */
export async function observe(folder: string): Promise<Observed> {
  const engine = await readRecord<EngineRecord>(folder, FILES.engine)
  if (engine !== null && isAlive(engine)) return { phase: 'running', engine }
  const shim = await readRecord<ProcessIdentity>(folder, FILES.shim)
  if (shim === null) return { phase: 'absent' }
  // The shim is looked at before its records are read, so that one which ends in between has written them.
  const shimAlive = isAlive(shim)
  const exit = await readRecord<ExitRecord>(folder, FILES.exit)
  if (exit !== null) return { phase: 'exited', exit }
  if (shimAlive) return { phase: 'unsettled' }
  const late = engine ?? (await readRecord<EngineRecord>(folder, FILES.engine))
  return late !== null && isAlive(late) ? { phase: 'running', engine: late } : { phase: 'exited', exit: null }
}

/** Looks until no shim is between two records. @throws AimError `Internal` when one stands still there. */
export async function settled(folder: string): Promise<Exclude<Observed, { phase: 'unsettled' }>> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const observed = await observe(folder)
    if (observed.phase !== 'unsettled') return observed
    if (performance.now() > deadline) throw new AimError('Internal', { reason: `the shim of ${folder} stands still` })
    await sleep(POLL_MS)
  }
}
