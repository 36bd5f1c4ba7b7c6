import type { Cost } from '../plan.js'
import type { Compared } from '../prediction/predict.js'
import type { Recipe } from '../recipe.js'
import type { Places, Reason } from './eligible.js'
import { fitOnce, type FitCase, type KnownFit } from './fit-gpus.js'
import type { Kind } from './inventory.js'
import { kindObjection } from './kind-rules.js'
import { lackWords } from './lack-words.js'
import { placeAt, type Lookups, type Site } from './lookups.js'
import { cpuBytes, cpuLack, placeOnCpu } from './on-cpu.js'
import { bestSpots, gpuNeed, refusalsOf, type GpuNeed } from './place.js'
import { RECIPE_RULES, unwanted, type GivenUp } from './recipe-rules.js'
import { withSmallerShare, type Taken } from './smaller-share.js'
import { errorAt, speedAt } from './speed.js'
import { meritOf, type Evidence } from './score.js'
import { oneOf } from './text.js'
import type { Weights } from './weights.js'

/** A recipe on GPUs of one kind. What can be computed again (fit, prediction) is not kept: a plan shows few of its options. */
export type OnGpus = { site: Site; need: GpuNeed; fitCase: FitCase }

/** A recipe on one kind of GPU, or on processors (`on` is null). It meets the requirements when it gave nothing up. */
export type Option = {
  recipe: Recipe
  weights: Weights
  gaveUp: readonly GivenUp[]
  on: OnGpus | null
  gpuCount: number
  evidence: Evidence
  /** Larger is better, for the objective of the plan; 0 when the speed is not known. */
  merit: number
  /** What the merit follows from; null: not known. `error`: how far the prediction was off where this recipe was measured. */
  speed: Compared | null
  cost: Cost | null
  error: number | null
  ttftMs: number
  /** On the best node. */
  cached: boolean
  linked: boolean | null
}

/** Why a recipe was not taken on some nodes; told only for those that a plan has room for. */
export type Drop = { recipe: Recipe; reasons: () => Reason[] }

/** All that one recipe can be on these nodes, and why it is not more. */
export type Found = { options: Option[]; drops: Drop[] }

/** Adds to `found`, so that thousands of small lists are not joined. */
export function findOptions(recipe: Recipe, lookups: Lookups, found: Found): void {
  const { model, requirements } = lookups.input
  const dropAll = (words: string): void => void found.drops.push({ recipe, reasons: () => [{ places: everywhere(lookups), words }] })
  const objection = unwanted(recipe, requirements)
  if (objection !== null) return dropAll(objection)
  const weights = lookups.weights(recipe.model, recipe.format)
  if ('problem' in weights) return dropAll(weights.problem)
  const gaveUp: GivenUp[] = []
  const of = { recipe, weights, model, requirements }
  for (const rule of RECIPE_RULES) {
    const broken = rule(of)
    if (broken === null) continue
    if (!('what' in broken)) return dropAll(broken.reason)
    gaveUp.push(broken)
  }
  const { refused, count } = lookups.eligible(recipe.backend)
  if (refused !== null) found.drops.push({ recipe, reasons: refused })
  if (count === 0) return
  if (recipe.hardware.kind === 'cpu') onCpu(recipe, weights, gaveUp, lookups, found)
  else onGpus(recipe, recipe.hardware, weights, gaveUp, lookups, found)
}

function onCpu(recipe: Recipe, weights: Weights, gaveUp: GivenUp[], lookups: Lookups, found: Found): void {
  const { spots, refused, built, words } = cpuPlacing(recipe, weights, lookups)
  const gpuBuild = `the ${recipe.backend} of a node with GPUs is built for them, not for its processor`
  if (built.count > 0) found.drops.push({ recipe, reasons: () => [{ places: built, words: gpuBuild }] })
  if (refused.count > 0) found.drops.push({ recipe, reasons: () => [{ places: refused, words }] })
  const [best] = spots
  if (best === undefined) return
  const unknown = { merit: 0, speed: null, cost: null, error: null, ttftMs: Number.POSITIVE_INFINITY, linked: null }
  found.options.push({ recipe, weights, gaveUp, on: null, gpuCount: 0, evidence: recipe.origin, cached: best.cached, ...unknown })
}

function cpuPlacing(recipe: Recipe, weights: Weights, { input, inventory, eligible, cached }: Lookups) {
  const { model, requirements, current } = input
  const bytes = cpuBytes(recipe, weights, model.shape, requirements)
  const placing = placeOnCpu(bytes, {
    needsCpuBuild: recipe.backend === 'vllm',
    nodes: inventory.nodes,
    allowed: eligible(recipe.backend).nodes,
    cached: cached(weights.repo),
    own: current?.gpus.length === 0 ? current.node : null,
  })
  return { ...placing, words: cpuLack(bytes, placing.mostFree) }
}

type GpuHardware = Extract<Recipe['hardware'], { kind: 'gpu' }>

function onGpus(recipe: Recipe, hardware: GpuHardware, weights: Weights, gaveUp: GivenUp[], lookups: Lookups, found: Found): void {
  const allowed = lookups.input.requirements.hardware
  const { requirements, prices } = lookups.input
  const spread = lookups.spread(recipe, weights)
  const fits: KnownFit[] = []
  const any = gpuNeed(recipe.parallel, hardware.count, 0)
  let known = 0
  for (const card of hardware.cards) {
    if (allowed?.includes(card) === false) continue
    for (const kind of lookups.inventory.kinds.get(card) ?? []) {
      known += 1
      const measurement = lookups.measurement(kind, recipe, weights, hardware.count)
      const of = { recipe, weights, kind, count: hardware.count, requirements, prices, spread, measurement, asked: lookups.asked }
      onKind(of, any, gaveUp, lookups, found, fits)
    }
  }
  if (known > 0) return
  const words = () => `needs ${oneOf(hardware.cards.filter((card) => allowed?.includes(card) !== false))}, no node has one`
  found.drops.push({ recipe, reasons: () => [{ places: everywhere(lookups), words: words() }] })
}

/** Cheap rules first; whether enough GPUs exist at all (`any`: with whatever is free) comes before their memory is computed. */
function onKind(of: FitCase, any: GpuNeed, gaveUp: GivenUp[], lookups: Lookups, { options, drops }: Found, fits: KnownFit[]): void {
  const { recipe, weights, kind } = of
  const objection = kindObjection(of)
  if (objection !== null) return void drops.push(dropOn(kind, recipe, objection))
  const site = lookups.site(kind, recipe.backend, weights.repo)
  if (placeAt(site, any).best === null) return void drops.push(refusal(recipe, any, site))

  const fitted = fitOnce(of, fits)
  if ('problem' in fitted) return void drops.push(dropOn(kind, recipe, fitted.problem))
  const need: GpuNeed = { tensor: any.tensor, groups: any.groups, freeBytes: fitted.freeBytes }
  const placing = placeAt(site, need)
  if (placing.refuses) drops.push(refusal(recipe, need, site))
  const taken = placing.best === null ? withSmallerShare(of, any, site, lookups) : { of, need, placing, ...fitted }
  if (taken !== null) options.push(optionAt(taken, site, gaveUp))
}

/** `before` was given up already, before any GPU was looked at. */
function optionAt({ of, need, placing, fit, gaveUp }: Taken, site: Site, before: GivenUp[]): Option {
  const { recipe, weights, count } = of
  const { speed, cost, evidence } = speedAt(of, fit)
  return {
    recipe,
    weights,
    gaveUp: gaveUp.length === 0 ? before : [...before, ...gaveUp],
    on: { site, need, fitCase: of },
    gpuCount: count,
    evidence,
    merit: meritOf({ speed, gpuCount: count, cost, evidence }, of.requirements.objective),
    speed,
    cost,
    error: evidence === 'measured' ? errorAt(of, fit) : null,
    ttftMs: speed?.ttftMs ?? Number.POSITIVE_INFINITY,
    cached: placing.best?.cached ?? false,
    linked: placing.linked,
  }
}

function dropOn(kind: Kind, recipe: Recipe, problem: string | (() => string)): Drop {
  const { shares, card } = kind
  const places = () => ({ nodes: shares.slice(0, 3).map(({ node }) => node), count: shares.length })
  return { recipe, reasons: () => [{ places: places(), words: typeof problem === 'string' ? problem : `${problem()} (${card})` }] }
}

function refusal(recipe: Recipe, need: GpuNeed, site: Site): Drop {
  const told = () => refusalsOf(need, site).map(({ lack, places, most }) => ({ places, words: lackWords(lack, most, need, site.kind) }))
  return { recipe, reasons: told }
}

/** The best few nodes for an option, in order. */
export function spotsOf({ recipe, weights, on }: Option, lookups: Lookups, most: number): { node: number; cached: boolean }[] {
  if (on === null) return cpuPlacing(recipe, weights, lookups).spots.slice(0, most)
  const { best } = placeAt(on.site, on.need)
  if (best === null) return []
  return most === 1 ? [best] : bestSpots(on.need, on.site, most)
}

/** The first few nodes stand for all. */
function everywhere({ inventory: { nodes } }: Lookups): Places {
  return { nodes: [0, 1, 2].slice(0, nodes.length), count: nodes.length }
}
