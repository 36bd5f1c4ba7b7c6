import type { Gpu, NodeInspection } from './node.js'
import type { Candidate, Dropped, Plan } from './plan.js'
import type { Recipe } from './recipe.js'
import { chooseFiles } from './weight-files.js'
import type { Backend } from './engine.js'

/** What the endpoint's own engine holds now: a new one takes its place, so its memory counts as free. */
export type Current = { node: string; gpus: number[]; weightBytes: number }

/** What a person asked for, as far as it narrows the choice. */
export type Wishes = { backend?: Backend; recipe?: string; file?: string; context?: number; node?: string }
type Model = { repo: string; files: { path: string; size: number }[] }

/** Weights need this much more memory than their size: the common estimate of vLLM's recipes, until each engine's own formula is used. */
const MEMORY_FACTOR = 1.2

/**
 * Places every recipe on every node, drops what cannot work with the reason, and orders the rest:
 * a recipe of this very model first, GPUs before CPU, fewer GPUs, then by name. The same input gives the same plan.
 */
export function makePlan(model: Model, nodes: NodeInspection[], recipes: Recipe[], wishes: Wishes, current: Current | null = null): Plan {
  const ours = recipes.filter((recipe) => recipe.model === model.repo || recipe.model === '*')
  const places = ours.flatMap((recipe) => nodes.map((node) => place(recipe, withCredit(node, current), model, wishes)))
  const candidates = places.flatMap((placed) => ('candidate' in placed ? [{ ...placed.candidate, own: placed.recipe.model !== '*' }] : []))
  return {
    candidates: candidates.toSorted(byPreference(current)).map(({ own: _, ...candidate }) => candidate),
    dropped: places.flatMap((placed) => ('dropped' in placed ? [placed.dropped] : [])),
  }
}

/** A recipe on a node: each rule in turn either gives its reason to drop it or lets it pass. */
function place(
  recipe: Recipe,
  node: NodeInspection,
  model: Model,
  wishes: Wishes,
): { candidate: Candidate; recipe: Recipe } | { dropped: Dropped } {
  const drop = (reason: string) => ({ dropped: { recipe: recipe.id, node: node.nodeId, reason } })
  const unwanted = contradiction(recipe, node, wishes)
  if (unwanted !== null) return drop(unwanted)
  const readiness = node.backends.find((entry) => entry.backend === recipe.backend)
  if (readiness?.ready !== true) return drop(`${recipe.backend} is not ready there: ${readiness?.reason ?? 'unknown to the node'}`)
  const choice = chooseFiles(recipe.format, model.files, wishes.file)
  if ('problem' in choice) return drop(choice.problem)
  const weightBytes = model.files.filter((file) => choice.files.includes(file.path)).reduce((sum, file) => sum + file.size, 0)
  const placement = findMemory(recipe, node, weightBytes)
  if ('problem' in placement) return drop(placement.problem)
  const context = wishes.context ?? recipe.context
  return {
    recipe,
    candidate: {
      recipe: recipe.id,
      backend: recipe.backend,
      node: node.nodeId,
      gpus: placement.gpus,
      format: recipe.format,
      ...(choice.main !== undefined && { modelFile: choice.main }),
      weightBytes,
      ...(context !== undefined && { context }),
      args: recipe.args,
      env: recipe.env,
    },
  }
}

function contradiction(recipe: Recipe, node: NodeInspection, wishes: Wishes): string | null {
  if (wishes.recipe !== undefined && wishes.recipe !== recipe.id) return `recipe ${wishes.recipe} was asked for`
  if (wishes.backend !== undefined && wishes.backend !== recipe.backend) return `backend ${wishes.backend} was asked for`
  if (wishes.node !== undefined && wishes.node !== node.nodeId) return `node ${wishes.node} was asked for`
  return null
}

function findMemory(recipe: Recipe, node: NodeInspection, weightBytes: number): { gpus: number[] } | { problem: string } {
  const needed = weightBytes * MEMORY_FACTOR
  if (recipe.hardware.kind === 'cpu') {
    if (needed > node.memoryFreeBytes) return { problem: `needs ${gib(needed)} of memory, ${gib(node.memoryFreeBytes)} is free` }
    return { gpus: [] }
  }
  const { arch, count } = recipe.hardware
  const matching = node.gpus.filter((gpu) => arch.includes(gpu.arch))
  if (matching.length < count) return { problem: `needs ${count} GPU(s) of ${arch.join(' or ')}, the node has ${matching.length}` }
  const each = needed / count
  const fitting = matching.filter((gpu) => freeBytes(gpu) >= each)
  if (fitting.length < count) return { problem: `needs ${gib(each)} free on each of ${count} GPU(s), ${fitting.length} have it` }
  return {
    gpus: fitting
      .slice(0, count)
      .map((gpu) => gpu.index)
      .toSorted((a, b) => a - b),
  }
}

/** The node as it will be once the endpoint's own engine has made way. */
function withCredit(node: NodeInspection, current: Current | null): NodeInspection {
  if (current?.node !== node.nodeId) return node
  if (current.gpus.length === 0) return { ...node, memoryFreeBytes: node.memoryFreeBytes + current.weightBytes * MEMORY_FACTOR }
  const own = (gpu: Gpu) => current.gpus.includes(gpu.index)
  const gpus = node.gpus.map((gpu) => (own(gpu) ? { ...gpu, vramFreeBytes: gpu.vramTotalBytes } : gpu))
  return { ...node, gpus: gpus.toSorted((a, b) => Number(own(b)) - Number(own(a))) }
}

/** Where all else is equal, the place of the engine that serves now: moving it would gain nothing. */
function byPreference(current: Current | null) {
  return (a: Candidate & { own: boolean }, b: Candidate & { own: boolean }): number =>
    Number(b.own) - Number(a.own) ||
    Number(b.gpus.length > 0) - Number(a.gpus.length > 0) ||
    a.gpus.length - b.gpus.length ||
    compare(a.recipe, b.recipe) ||
    Number(b.node === current?.node) - Number(a.node === current?.node) ||
    compare(a.node, b.node)
}

const freeBytes = (gpu: Gpu): number => gpu.vramFreeBytes ?? gpu.vramTotalBytes
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
