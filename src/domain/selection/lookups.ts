import type { Backend } from '../engine.js'
import { layoutOf, type Measurement } from '../measurement.js'
import type { Recipe } from '../recipe.js'
import { eligibleFor, type Eligible } from './eligible.js'
import { takeInventory, type Inventory, type Kind } from './inventory.js'
import { needKey, place, takeGpus, type GpuNeed, type Ground, type Placing } from './place.js'
import type { PlanInput } from './plan-input.js'
import { compare } from './text.js'
import { spreadFinder, type FindSpread } from './spreads.js'
import { weightsFinder, type FindWeights, type Weights } from './weights.js'

/** Where a need can be met, and whether the GPUs of the best node are linked. */
export type KnownPlacing = Placing & { linked: boolean | null }

/** One kind of GPU for one backend and one set of weights: which nodes may be taken, and what was found there already. */
export type Site = Ground & { known: Map<number, KnownPlacing> }

/** What many recipes ask alike, answered once for a plan and kept no longer. */
export type Lookups = {
  input: PlanInput
  inventory: Inventory
  weights: FindWeights
  spread: FindSpread
  eligible: (backend: Backend) => Eligible
  cached: (repo: string) => Uint8Array
  site: (kind: Kind, backend: Backend, repo: string) => Site
  measurement: (kind: Kind, recipe: Recipe, weights: Weights, count: number) => Measurement | null
}

export function lookupsFor(input: PlanInput): Lookups {
  const { model, requirements, hardware, current } = input
  const inventory = takeInventory(input.nodes, hardware, current)
  const eligible = keeping((backend: Backend) => eligibleFor(backend, inventory.nodes, requirements))
  const cached = keeping((repo: string) => Uint8Array.from(inventory.nodes, (node) => Number(node.cachedModels.includes(repo))))
  const sites = keeping((kind: Kind) =>
    keeping((backend: Backend) =>
      keeping((repo: string): Site => ({ kind, nodes: eligible(backend).nodes, cached: cached(repo), known: new Map() })),
    ),
  )
  return {
    input,
    inventory,
    weights: weightsFinder(model, requirements.file),
    spread: spreadFinder(model.shape),
    eligible,
    cached,
    site: (kind, backend, repo) => sites(kind)(backend)(repo),
    measurement: measurementFinder(input.measurements),
  }
}

/** Looks at each node once for all recipes that need the same of it. */
export function placeAt(site: Site, need: GpuNeed): KnownPlacing {
  const key = needKey(need, site.kind)
  const found = site.known.get(key)
  if (found !== undefined) return found
  const placing = place(need, site)
  const linked = placing.best && takeGpus(need, site.kind, placing.best.node).linked
  const known = { ...placing, linked }
  site.known.set(key, known)
  return known
}

/** The latest of the very same kind: what an engine was given decides what it had left. Partitions are never measured. */
function measurementFinder(measurements: Measurement[]): Lookups['measurement'] {
  const latest = measurements.toSorted((a, b) => compare(b.measuredAt, a.measuredAt) || compare(JSON.stringify(a), JSON.stringify(b)))
  return ({ card, parts }, { backend, precision, parallel, settings }, { repo, variant }, count) => {
    if (latest.length === 0 || parts > 1) return null
    const wanted = precision ?? variant?.precision ?? null
    const fraction = settings.memoryFraction ?? null
    const layout = layoutOf(parallel)
    const isSame = (entry: Measurement) =>
      entry.model === repo &&
      entry.backend === backend &&
      entry.card === card &&
      entry.gpuCount === count &&
      entry.layout === layout &&
      entry.precision === wanted &&
      entry.memoryFraction === fraction
    return latest.find(isSame) ?? null
  }
}

function keeping<Key, Value>(find: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined) return found
    const value = find(key)
    known.set(key, value)
    return value
  }
}
