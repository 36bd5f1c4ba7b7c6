import type { Dropped, Plan } from './plan.js'

/** Reasons and fallbacks in one message; the plan has them all. */
const MOST_REASONS = 5
const MOST_FALLBACKS = 3

/** One reason with all recipes that it holds for. `nodes` names the first few, `places` is how many. */
export type ReasonGroup = { reason: string; recipes: string[]; nodes: string[]; places: number }

/** Groups what was dropped by its reason, those that tell most first (`weightOf`), then the most frequent. */
export function groupReasons(dropped: readonly Dropped[]): ReasonGroup[] {
  const groups = new Map<string, ReasonGroup>()
  for (const { reason, recipe, nodes, count } of dropped) {
    const group = groups.get(reason) ?? { reason, recipes: [], nodes: [], places: 0 }
    groups.set(reason, {
      reason,
      recipes: group.recipes.includes(recipe) ? group.recipes : [...group.recipes, recipe],
      nodes: count > group.places ? nodes : group.nodes,
      places: Math.max(group.places, count),
    })
  }
  return [...groups.values()].toSorted((a, b) => weightOf(a.reason) - weightOf(b.reason) || b.recipes.length - a.recipes.length)
}

/** A plan without a candidate in one sentence: what would run and gives something up, then the first few reasons with whom they hold for. */
export function noCandidateReasons({ dropped, fallback }: Pick<Plan, 'dropped' | 'fallback'>): string {
  const nearest = fallback.slice(0, MOST_FALLBACKS).map(({ recipe, node, givesUp }) => `${recipe} on ${node} would run (${givesUp})`)
  const groups = groupReasons(dropped)
  const why = groups.slice(0, MOST_REASONS).map(({ reason, recipes, nodes, places }) => {
    return `${firstOf(recipes)} on ${placesText(nodes, places)}: ${reason}`
  })
  const more = groups.length > MOST_REASONS ? [`${groups.length - MOST_REASONS} more reasons`] : []
  return [...nearest, ...why, ...more].join('; ') || 'there are no recipes'
}

/** A recipe for cards that nobody has, or that is none of those that were meant, hides what else is wrong. */
function weightOf(reason: string): number {
  if (/^(?:recipe|backend|hardware|precision|node|label) .* was asked for|were asked for/.test(reason)) return 2
  return reason.endsWith('no node has one') ? 1 : 0
}

/** `a and 3 more`. */
export function firstOf([first = '', ...rest]: readonly string[]): string {
  return rest.length === 0 ? first : `${first} and ${rest.length} more`
}

function placesText(nodes: string[], count: number): string {
  return count > nodes.length ? `${nodes.join(', ')} and ${count - nodes.length} more` : nodes.join(', ') || 'any node'
}
