/** An engine that served this long is sound: what happened before no longer counts. */
const SOUND_AFTER_MS = 10 * 60_000
/** More failures in a row than this: starting it again cannot help. */
const LIMIT = 5
const LONGEST_DELAY_MS = 30_000

/**
 * How long to wait before an engine starts again: nothing after the first failure, then 1, 2, 4, ... seconds, at most 30.
 * `failures` counts those in a row, the one at hand among them. Null: it is in a crash loop, leave it.
 */
export function restartDelayMs(failures: number): number | null {
  if (failures > LIMIT) return null
  return failures <= 1 ? 0 : Math.min(1_000 * 2 ** (failures - 2), LONGEST_DELAY_MS)
}

/** Failures in a row, after an engine that had served for `servedMs` died. */
export function failuresAfter(before: number, servedMs: number): number {
  return servedMs >= SOUND_AFTER_MS ? 1 : before + 1
}
