import { lateRateOf, left, look, type Range } from './fetch-range.js'
import type { PartTuning } from './part-tuning.js'

/** Cut when it has this share of the median rate or less. */
const LAGGING_SHARE = 0.25
const LEAST_KNOWN = 3

/**
 * Connections that fell far behind the others of their file, and would need a while for the rest: a new one is likely to be faster. `ended`: rates of the
 * file's last ranges, in bytes per ms. A healthy part takes less time than is needed to judge one, so those that ended tell what is usual.
 */
export function laggards(
  active: readonly Range[],
  ended: readonly number[],
  { judgedAfterMs, sharedAfterMs }: PartTuning,
  now: number,
): Range[] {
  for (const range of active) look(range, now, judgedAfterMs / 2)
  const judged = active.filter(({ since }) => now - since >= judgedAfterMs)
  const rates = [...ended, ...judged.map((range) => lateRateOf(range, now))].toSorted((a, b) => a - b)
  if (rates.length < LEAST_KNOWN) return []
  const slow = (rates[Math.floor(rates.length / 2)] ?? 0) * LAGGING_SHARE
  return judged.filter((range) => {
    const rate = lateRateOf(range, now)
    return rate <= slow && left(range) > rate * sharedAfterMs
  })
}
