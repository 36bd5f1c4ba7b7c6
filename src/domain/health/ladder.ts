import { restartDelayMs } from '../restarts.js'

/**
 * Ends after which the same engine on the same GPUs fails again: the GPU or what surrounds it is at fault, the program or its flags are, or
 * the place is not ours any more. Classes of the failure table, and codes of the error table.
 */
const SENSELESS_IN_PLACE: ReadonlySet<string> = new Set([
  'gpu_fault',
  'no_gpu',
  'kfd_permission',
  'bad_flag',
  'program_missing',
  'missing_weights',
  'missing_model',
  'unsupported_gpu_arch',
  'unsupported_model_arch',
  'oom_startup_other_process',
  'oom_weights',
  'oom_kv_len',
  'oom_kv_autofit',
  'oom_no_kv',
  'BackendMissing',
  'GpuForeign',
  'GpuHeld',
  'LeaseFenced',
])

export type Rung = { do: 'restart'; delayMs: number } | { do: 'repair'; why: string }

/** The next thing to try for an engine that ended as `failure`, the `failures`th time in a row. */
export function nextRung(failure: string, failures: number, why: string): Rung {
  if (SENSELESS_IN_PLACE.has(failure)) return { do: 'repair', why: `${why}: to start it again in the same place would not help` }
  const delayMs = restartDelayMs(failures)
  return delayMs === null ? { do: 'repair', why: `crash loop: ${why}` } : { do: 'restart', delayMs }
}

/** Between tries of a repair: 1, 2, 5, then 10 minutes. `tries`: so many failed. */
export function repairDelayMs(tries: number): number {
  return ([1, 2, 5][tries - 1] ?? 10) * 60_000
}
