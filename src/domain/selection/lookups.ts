import type { Backend } from '../engine.js'
import { setupOf, type Measurement } from '../measurement.js'
import type { Workload } from '../prediction/roofline.js'
import type { Recipe } from '../recipe.js'
import { eligibleFor, type Eligible } from './eligible.js'
import { takeInventory, type Inventory, type Kind } from './inventory.js'
import { keeping } from './keeping.js'
import { workloadOf } from './need.js'
import { needKey, place, type GpuNeed, type Ground, type Placing } from './place.js'
import type { PlanInput } from './plan-input.js'
import { compare } from './text.js'
import { differ } from './versions.js'
import { spreadFinder, type FindSpread } from './spreads.js'
import { weightsFinder, type FindWeights, type Weights } from './weights.js'

/** One kind of GPU for one backend and one set of weights: which nodes may be taken, and what was found there already. */
export type Site = Ground & { known: Map<number, Placing> }

/** What many recipes ask alike, answered once for a plan and kept no longer. */
export type Lookups = {
  input: PlanInput
  asked: Workload
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
    asked: workloadOf(requirements),
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
export function placeAt(site: Site, need: GpuNeed): Placing {
  const key = needKey(need, site.kind)
  const found = site.known.get(key)
  if (found !== undefined) return found
  const placing = place(need, site)
  site.known.set(key, placing)
  return placing
}

/** The latest of the very same kind: what an engine was given decides what it had left. Partitions are never measured. */
function measurementFinder(measurements: Measurement[]): Lookups['measurement'] {
  const latest = measurements.toSorted((a, b) => compare(b.measuredAt, a.measuredAt) || compare(JSON.stringify(a), JSON.stringify(b)))
  return ({ card, parts, totalBytes }, recipe, { repo, variant }, count) => {
    if (latest.length === 0 || parts > 1) return null
    const { backend, version } = recipe
    const precision = recipe.precision ?? variant?.precision ?? null
    const setup = setupOf(recipe, totalBytes)
    const isSame = (entry: Measurement) =>
      entry.model === repo &&
      entry.backend === backend &&
      entry.card === card &&
      entry.gpuCount === count &&
      entry.precision === precision &&
      entry.setup === setup &&
      (version === null || !differ(version, entry.version))
    return latest.find(isSame) ?? null
  }
}
