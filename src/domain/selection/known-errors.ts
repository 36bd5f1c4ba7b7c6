import type { Objective } from '../recipe.js'
import type { Option } from './options.js'
import { meritOf } from './score.js'

/** A run below this share of its prediction says more of its own settings than of the roofline. */
const LEAST_TRUTH = 1 / 4
/** A measured run stays before settings that are only published while it has this share of what they promise. */
const ENOUGH = 1 / 2

export const meets = ({ gaveUp }: Option): boolean => gaveUp.length === 0

/**
 * What a measured run of the model shows of the roofline holds for what is only predicted too: those rates are divided by 1 + its error, on its
 * card and on cards without a run alike; of several runs the one that came nearest to its prediction counts. `balanced` puts evidence before
 * merit, but no run that published settings outdo by far even so.
 */
export function withKnownErrors(options: Option[], objective: Objective): Option[] {
  const truths = truthsOf(options)
  if (truths.size === 0) return options
  const most = Math.max(...truths.values())
  const corrected = options.map((option) => slowed(option, truths.get(cardOf(option)) ?? most, objective))
  return objective === 'balanced' ? outdone(corrected) : corrected
}

/** The largest share of a prediction that was measured, by card. */
function truthsOf(options: Option[]): Map<string, number> {
  const truths = new Map<string, number>()
  for (const option of options) {
    if (option.error === null) continue
    const truth = Math.max(LEAST_TRUTH, 1 / (1 + option.error))
    truths.set(cardOf(option), Math.max(truth, truths.get(cardOf(option)) ?? 0))
  }
  return truths
}

/** What was measured itself is compared by its own run already. */
function slowed(option: Option, truth: number, objective: Objective): Option {
  const { evidence, speed, cost } = option
  if (evidence === 'measured' || speed === null) return option
  const { decodeTokensPerSecond, outputTokensPerSecond, ttftMs } = speed
  const price = cost?.perMillionTokens ?? null
  const real = {
    ...option,
    speed: { decodeTokensPerSecond: decodeTokensPerSecond * truth, outputTokensPerSecond: outputTokensPerSecond * truth, ttftMs },
    cost: cost && { ...cost, perMillionTokens: price === null ? null : price / truth },
  }
  return { ...real, merit: meritOf(real, objective) }
}

/** Only published settings are rivals: a run comes before our rules in any case. */
function outdone(options: Option[]): Option[] {
  const someMeet = options.some(meets)
  const rivals = options.filter((option) => isPublished(option) && (!someMeet || meets(option)))
  const best = rivals.reduce((most, { merit }) => Math.max(most, merit), 0)
  return options.map((option) =>
    option.evidence === 'measured' && option.merit < ENOUGH * best ? { ...option, evidence: 'outdone' } : option,
  )
}

const isPublished = ({ evidence }: Option): boolean => evidence === 'published' || evidence === 'user'
const cardOf = ({ on }: Option): string => on?.site.kind.card ?? ''
