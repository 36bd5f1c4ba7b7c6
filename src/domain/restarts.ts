/** Restarts within this time count as one crash loop. */
const WINDOW_MS = 10 * 60_000
/** More restarts than this within the window: starting it again cannot help. */
const LIMIT = 5
const LONGEST_DELAY_MS = 30_000

/**
 * When an engine that died may start again: at once after the first death, then after 1, 2, 4, ... seconds, at most 30.
 * `deathsMs` are the times of its deaths (ms since the epoch), the one at hand among them. Null: it is in a crash loop, leave it.
 */
export function restartDelayMs(deathsMs: number[], nowMs: number): number | null {
  const recent = recentDeaths(deathsMs, nowMs).length
  if (recent > LIMIT) return null
  return recent <= 1 ? 0 : Math.min(1_000 * 2 ** (recent - 2), LONGEST_DELAY_MS)
}

/** The deaths that still count. */
export function recentDeaths(deathsMs: number[], nowMs: number): number[] {
  return deathsMs.filter((death) => nowMs - death < WINDOW_MS)
}
