import type { Backend } from '../engine.js'
import { fingerprint } from '../fingerprint.js'
import type { Candidate, Plan } from '../plan.js'
import type { Recipe } from '../recipe.js'
import { candidatesOf, chainOf, fallbackOf } from './chain.js'
import { droppedOf } from './dropped.js'
import type { Reason } from './eligible.js'
import { keeping } from './keeping.js'
import { lookupsFor, type Lookups } from './lookups.js'
import { assumptions } from './need.js'
import { findOptions, spotsOf, type Drop, type Found, type Option } from './options.js'
import type { PlanInput } from './plan-input.js'
import { rank, type Ranked } from './rank.js'
import { compare } from './text.js'
import { unknownWords } from './unknown-gpus.js'
import { otherVersions } from './versions.js'

export type { Current, PlanInput } from './plan-input.js'

/**
 * Places every recipe of the model, or for any, on every kind of GPU of every node, drops what cannot or may not run with the reason, scores the
 * rest for the objective and orders it; docs/selection.md tells the rules. The same input gives the same plan byte for byte, in whatever order
 * its lists come.
 */
export function makePlan(input: PlanInput): Plan {
  const { requirements } = input
  const lookups = lookupsFor(input)
  const found: Found = { options: [], drops: [] }
  for (const recipe of recipesOf(input)) findOptions(recipe, lookups, found)
  const { meeting, giving, against } = rank(found.options, requirements.objective)
  const chain = chainOf(giving, meeting[0] ?? null)
  const standard = { against, best: (meeting[0] ?? chain[0])?.sum ?? 1 }

  const candidates = candidatesOf(meeting, lookups, standard)
  const fallback = fallbackOf(chain, lookups, standard, candidates[0] ?? null)
  const taken = new Set([...meeting, ...chain].map(({ option }) => option.recipe))
  const cards = new Set(requirements.hardware ?? lookups.inventory.kinds.keys())
  const { dropped, leftOut } = droppedOf([...found.drops, ...passedOver(giving, chain, lookups)], {
    taken,
    cards,
    nodes: lookups.inventory.nodes,
  })
  const assumed = [
    ...assumptions(input, [...lookups.inventory.kinds.keys()], candidates[0] ?? null),
    ...remarks(lookups, meeting.length, candidates, leftOut),
    ...otherVersions([...candidates, ...fallback], lookups.inventory.nodes),
  ]
  return { requirements, assumed, candidates, fallback, dropped }
}

/** Which backend goes first where all else is equal: the one that AMD and the model makers publish most settings for. Then by name. */
const PREFERRED: Record<Backend, number> = { vllm: 0, sglang: 1, llamacpp: 2, custom: 3 }

/** Those of this model in any precision and those for any model, in the order that decides among equals. */
function recipesOf({ recipes, model }: PlanInput): Recipe[] {
  const repos = new Set(['*', model.repo, ...model.variants.map(({ repo }) => repo)].map((repo) => repo.toLowerCase()))
  const isOurs = keeping((repo: string) => repos.has(repo.toLowerCase()))
  const ours = recipes.filter((recipe) => isOurs(recipe.model))
  return ours.toSorted(
    (a, b) => PREFERRED[a.backend] - PREFERRED[b.backend] || compare(a.id, b.id) || compare(fingerprint(a), fingerprint(b)),
  )
}

/** What would run and gives something up, and is not even a fallback. */
function passedOver(giving: Ranked[], chain: Ranked[], lookups: Lookups): Drop[] {
  const taken = new Set(chain)
  const others = giving.filter((ranked) => !taken.has(ranked))
  return others.map(({ option }) => ({ recipe: option.recipe, reasons: () => [reasonOf(option, lookups)] }))
}

function reasonOf(option: Option, lookups: Lookups): Reason {
  const { gaveUp, on } = option
  const words = `${gaveUp.map(({ reason }) => reason()).join('; ')}${on === null ? '' : ` (${on.site.kind.card})`}`
  return { places: { nodes: spotsOf(option, lookups, 1).map(({ node }) => node), count: 1 }, words }
}

/** What the reader must know of the plan itself. */
function remarks({ inventory }: Lookups, meeting: number, candidates: Candidate[], leftOut: number): string[] {
  const kept = new Set(candidates.map(({ recipe, card }) => `${recipe} ${card}`)).size
  const lines: [holds: boolean, line: string][] = [
    [inventory.freeUnknown, 'memory of a GPU whose driver does not tell what is free counts as free'],
    [inventory.unknownGpus.count > 0, unknownWords(inventory.unknownGpus)],
    [meeting > kept, `${meeting} placements of a recipe on a kind of hardware meet the requirements; the best ${kept} are kept`],
    [leftOut > 0, `reasons of ${leftOut} more recipes and kinds of hardware are left out`],
  ]
  return lines.filter(([holds]) => holds).map(([, line]) => line)
}
