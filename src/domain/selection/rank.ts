import type { Objective } from '../recipe.js'
import { meets, withKnownErrors } from './known-errors.js'
import type { Option } from './options.js'
import { isUnpriced, summing, type Yardstick } from './score.js'

/** An option with its points, which order it. */
export type Ranked = { option: Option; sum: number }

/** Those that meet the requirements and those that give something up, each best first. */
export type Ranking = { meeting: Ranked[]; giving: Ranked[]; against: Yardstick }

/** Equal options stay in the order in which they come, which is that of their names. */
export function rank(found: Option[], objective: Objective): Ranking {
  const options = withKnownErrors(found, objective)
  const someMeet = options.some(meets)
  const against = { objective, merit: 0, unpriced: 0, ttftMs: Number.POSITIVE_INFINITY }
  for (const option of options) {
    if (someMeet && !meets(option)) continue
    const unit = isUnpriced(option, against) ? 'unpriced' : 'merit'
    against[unit] = Math.max(against[unit], option.merit)
    against.ttftMs = Math.min(against.ttftMs, option.ttftMs)
  }
  const meeting: Ranked[] = []
  const giving: Ranked[] = []
  const sumOf = summing(against)
  for (const option of options) (meets(option) ? meeting : giving).push({ option, sum: sumOf(option) })
  const best = (a: Ranked, b: Ranked) => b.sum - a.sum
  return { meeting: meeting.toSorted(best), giving: giving.toSorted(best), against }
}
