import type { Candidate, Fallback } from '../plan.js'
import { candidateOf, type Standard } from './candidate.js'
import type { Lookups } from './lookups.js'
import { spotsOf, type Option } from './options.js'
import type { Ranked } from './rank.js'

/** So many candidates are kept, and so many more nodes for the first few of them: a stored plan stays small. */
const MOST_CANDIDATES = 40
const FIRST = 3
const MORE_NODES = 3
const MOST_FALLBACKS = 8
/** So many of one kind of change, that each kind has its turn. */
const MOST_OF_A_RUNG = 3

/** Every option on its best node, and the first few on some more nodes, in order. */
export function candidatesOf(meeting: Ranked[], lookups: Lookups, standard: Standard): Candidate[] {
  const placed: Candidate[] = []
  for (const [index, { option }] of meeting.slice(0, MOST_CANDIDATES).entries()) {
    for (const spot of spotsOf(option, lookups, index < FIRST ? 1 + MORE_NODES : 1)) {
      placed.push(candidateOf(option, spot, lookups, standard, placed[0] ?? null))
    }
  }
  return placed.toSorted((a, b) => b.score.total - a.score.total)
}

/**
 * The options that would run and give something up, as they are to be tried: by rung of the ladder, then by how much of what was asked for they
 * keep, then by score. Of those that differ from the first choice in the same way the best one stands for all. Without a first choice they are
 * compared with the best of themselves, of the weights that were asked for if one of those would run.
 */
export function chainOf(giving: Ranked[], first: Ranked | null): Ranked[] {
  const kept = new Map(giving.map((ranked) => [ranked, keptBy(ranked.option)]))
  const byLoss = giving.toSorted((a, b) => (kept.get(b) ?? 0) - (kept.get(a) ?? 0) || lossesOf(a) - lossesOf(b) || b.sum - a.sum)
  const from = first ?? byLoss.find(({ option }) => option.gaveUp.every(({ what }) => what !== 'precision')) ?? byLoss[0]
  if (from === undefined) return []
  const seen = new Set<string>()
  const rungs: Ranked[][] = LADDER.map(() => [])
  for (const ranked of byLoss) {
    const rung = rungs[rungOf(ranked.option, from.option)] ?? []
    if (rung.length === MOST_OF_A_RUNG) continue
    if (seen.size < seen.add(differenceOf(ranked.option)).size) rung.push(ranked)
  }
  return rungs.flat().slice(0, MOST_FALLBACKS)
}

/** As candidates, each with what was asked for and is not given. `first` is the first choice; null: there is none. */
export function fallbackOf(chain: Ranked[], lookups: Lookups, standard: Standard, first: Candidate | null): Fallback[] {
  const fallback: Fallback[] = []
  for (const { option } of chain) {
    const givesUp = option.gaveUp.map(({ words }) => words()).join('; ')
    for (const spot of spotsOf(option, lookups, 1)) {
      fallback.push({ ...candidateOf(option, spot, lookups, standard, first), givesUp })
    }
  }
  return fallback
}

/** What can differ, from what is changed most lightly to most heavily; an option stands on the rung of its heaviest change. */
const LADDER: readonly ((option: Option, from: Option) => boolean)[] = [
  () => true,
  (option, from) => precisionOf(option) !== precisionOf(from),
  (option, from) => option.recipe.backend !== from.recipe.backend,
  (option, from) => cardOf(option) !== cardOf(from),
]

/** Share of context, concurrency and GPUs that remains of what was asked for, multiplied. */
const keptBy = ({ gaveUp }: Option): number => gaveUp.reduce((share, { kept }) => share * kept, 1)
const lossesOf = ({ option }: Ranked): number => option.gaveUp.length

const rungOf = (option: Option, from: Option): number => LADDER.findLastIndex((differs) => differs(option, from))

const precisionOf = ({ recipe, weights }: Option) => recipe.precision ?? weights.variant?.precision
const cardOf = ({ on }: Option) => on?.site.kind.card

function differenceOf(option: Option): string {
  const { recipe, weights, gpuCount, gaveUp } = option
  return [recipe.backend, weights.repo, cardOf(option), gpuCount, ...gaveUp.map(({ what }) => what)].join(' ')
}
