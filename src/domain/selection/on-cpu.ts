import { kvBytesOfSequence } from '../memory/kv.js'
import { GIB, gib } from '../memory/sizes.js'
import type { ModelShape } from '../model.js'
import type { NodeInspection } from '../node.js'
import type { Recipe } from '../recipe.js'
import type { Requirements } from '../requirements.js'
import { addPlace, type Places } from './eligible.js'
import { neededContext } from './need.js'
import { MEMORY_FACTOR, type Weights } from './weights.js'

const WHOLE = { tensor: 1, pipeline: 1, data: 1, expert: false }

/** Memory of a machine that an engine on its processor needs: the weights with the usual margin, and the KV cache where the shape is known. */
export function cpuBytes(recipe: Recipe, weights: Weights, shape: ModelShape | null, requirements: Requirements): number {
  const margin = weights.bytes * MEMORY_FACTOR
  if (shape === null) return margin
  const context = Math.min(shape.maxContext, neededContext(recipe, requirements, shape.maxContext))
  const sequence = kvBytesOfSequence(shape, WHOLE, recipe.settings.kvDtype === 'fp8' ? 1 : 2, context)
  return margin + sequence * (requirements.concurrency ?? 1)
}

/** `needsCpuBuild`: the backend of a node with GPUs is a build for those. */
export type CpuGround = { needsCpuBuild: boolean; nodes: NodeInspection[]; allowed: Uint8Array; cached: Uint8Array; own: string | null }
export type CpuPlacing = { spots: { node: number; cached: boolean }[]; refused: Places; built: Places; mostFree: number }

/** Nodes with so much memory free: that of the engine of now, then those with the weights, then those with least to spare, then by name. */
export function placeOnCpu(bytes: number, { needsCpuBuild, nodes, allowed, cached, own }: CpuGround): CpuPlacing {
  const refused: Places = { nodes: [], count: 0 }
  const built: Places = { nodes: [], count: 0 }
  const spots: { node: number; cached: boolean; far: number; free: number }[] = []
  let mostFree = 0
  for (const [node, { nodeId, memoryFreeBytes: free, gpus }] of nodes.entries()) {
    if (allowed[node] === 0) continue
    if (needsCpuBuild && gpus.length > 0) {
      addPlace(built, node)
      continue
    }
    if (free < bytes) {
      addPlace(refused, node)
      mostFree = Math.max(mostFree, free)
      continue
    }
    const far = nodeId === own ? 0 : cached[node] === 1 ? 1 : 2
    spots.push({ node, cached: cached[node] === 1, far, free: Math.floor(free / GIB) })
  }
  spots.sort((a, b) => a.far - b.far || a.free - b.free || a.node - b.node)
  return { spots, refused, built, mostFree }
}

export function cpuLack(bytes: number, mostFree: number): string {
  return `needs ${gib(bytes)} of memory, ${gib(mostFree)} is free`
}
