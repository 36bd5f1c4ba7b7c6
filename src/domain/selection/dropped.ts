import type { NodeInspection } from '../node.js'
import type { Dropped } from '../plan.js'
import type { Recipe } from '../recipe.js'
import type { Places } from './eligible.js'
import type { Drop } from './options.js'

/** A stored plan stays small: so many reasons are kept. */
const MOST_REASONS = 400

/** `taken` are the recipes that the plan places somewhere, `cards` those that were asked for, else those that nodes have. */
export type Present = { taken: Set<Recipe>; cards: Set<string>; nodes: NodeInspection[] }

/**
 * Reasons by recipe, and of how many more nothing is told. First why a recipe runs nowhere though its hardware is there, then why one that runs
 * does not run elsewhere too, last what is written for hardware that nobody has.
 */
export function droppedOf(drops: Drop[], { taken, cards, nodes }: Present): { dropped: Dropped[]; leftOut: number } {
  const merged = new Map<string, Dropped>()
  let told = 0
  const urgency = ({ hardware }: Recipe, runs: boolean): number => (isThere(hardware, cards) ? Number(runs) : 2)
  for (const wanted of [0, 1, 2]) {
    for (const { recipe, reasons } of drops) {
      if (urgency(recipe, taken.has(recipe)) !== wanted) continue
      if (merged.size >= MOST_REASONS) break
      told += 1
      for (const { places, words } of reasons()) merge(merged, recipe.id, words, places, nodes)
    }
  }
  return { dropped: [...merged.values()], leftOut: drops.length - told }
}

/** The same reason on two kinds of one card is told once. */
function merge(merged: Map<string, Dropped>, recipe: string, reason: string, places: Places, nodes: NodeInspection[]): void {
  const key = `${recipe}\n${reason}`
  const known = merged.get(key)
  if (known === undefined) merged.set(key, { recipe, nodes: idsOf(places.nodes, nodes), count: places.count, reason })
  else known.count += places.count
}

const isThere = (hardware: Recipe['hardware'], cards: Set<string>): boolean =>
  hardware.kind === 'cpu' || hardware.cards.some((card) => cards.has(card))

const idsOf = (indices: number[], nodes: NodeInspection[]): string[] => indices.flatMap((index) => nodes[index]?.nodeId ?? [])
