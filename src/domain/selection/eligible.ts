import type { Backend } from '../engine.js'
import type { NodeInspection } from '../node.js'
import type { Requirements } from '../requirements.js'

/** Nodes for which one reason holds, as indices into the inventory: the first few by name, and how many there are. */
export type Places = { nodes: number[]; count: number }

export type Reason = { places: Places; words: string }

/** Nodes that may run a backend at all (1 at their index), and why the others may not; null: all may. */
export type Eligible = { nodes: Uint8Array; count: number; refused: (() => Reason[]) | null }

/** How many nodes a reason names. */
const NAMED = 3

export function addPlace(places: Places, node: number): void {
  if (places.nodes.length < NAMED) places.nodes.push(node)
  places.count += 1
}

/** Asks each node once for each backend, not for each recipe. */
export function eligibleFor(backend: Backend, nodes: NodeInspection[], requirements: Requirements): Eligible {
  const eligible: Eligible = { nodes: new Uint8Array(nodes.length), count: 0, refused: null }
  const refused = new Map<string, Places>()
  for (const [index, node] of nodes.entries()) {
    const reason = objection(backend, node, requirements)
    if (reason === null) {
      eligible.nodes[index] = 1
      eligible.count += 1
      continue
    }
    const places = refused.get(reason) ?? { nodes: [], count: 0 }
    refused.set(reason, places)
    addPlace(places, index)
  }
  if (refused.size > 0) eligible.refused = () => [...refused].map(([words, places]) => ({ places, words }))
  return eligible
}

function objection(backend: Backend, node: NodeInspection, { node: wanted, labels }: Requirements): string | null {
  if (wanted !== undefined && wanted !== node.nodeId) return `node ${wanted} was asked for`
  if (node.cordoned !== undefined) return node.cordoned
  for (const [name, value] of Object.entries(labels ?? {})) {
    const actual = node.labels[name]
    if (actual !== value) return `label ${name}=${value} was asked for, the node has ${actual === undefined ? 'none' : `${name}=${actual}`}`
  }
  const readiness = node.backends.find((entry) => entry.backend === backend)
  if (readiness === undefined) return `${backend} is not ready there: unknown to the node`
  return readiness.ready ? null : `${backend} is not ready there: ${readiness.reason} (fix: ${readiness.fix})`
}
