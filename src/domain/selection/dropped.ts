import type { NodeInspection } from '../node.js'
import type { Dropped } from '../plan.js'
import type { Recipe } from '../recipe.js'
import type { Places } from './eligible.js'
import type { Drop } from './options.js'

/** A stored plan stays small: so many reasons are kept, those of recipes that run nowhere first. */
const MOST_REASONS = 400

/** Reasons by recipe, and of how many more nothing is told. `taken` are the recipes that the plan places somewhere. */
export function droppedOf(drops: Drop[], taken: Set<Recipe>, nodes: NodeInspection[]): { dropped: Dropped[]; leftOut: number } {
  const merged = new Map<string, Dropped>()
  let told = 0
  for (const wanted of [false, true]) {
    for (const { recipe, reasons } of drops) {
      if (taken.has(recipe) !== wanted) continue
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

const idsOf = (indices: number[], nodes: NodeInspection[]): string[] => indices.flatMap((index) => nodes[index]?.nodeId ?? [])
