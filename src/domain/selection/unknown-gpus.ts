import type { Gpu } from '../node.js'
import { compare, gpus } from './text.js'

/** GPUs that the hardware table does not have, by the names of their nodes and models. */
export type UnknownGpus = { nodes: Set<string>; models: Set<string>; count: number }

export const noUnknownGpus = (): UnknownGpus => ({ nodes: new Set(), models: new Set(), count: 0 })

export function addUnknown(unknown: UnknownGpus, node: string, { model, arch }: Gpu): void {
  unknown.nodes.add(node)
  unknown.models.add(model ?? `unknown model of ${arch}`)
  unknown.count += 1
}

/** What the plan says of them: a recipe is never placed there, and no reason is given for each. */
export function unknownWords({ nodes, models, count }: UnknownGpus): string {
  const who = nodes.size === 1 ? `node ${some(nodes)} has` : `${nodes.size} nodes (${some(nodes)}) have`
  return `${who} ${gpus(count)} that ${count === 1 ? 'is' : 'are'} not in the hardware table (${some(models)}): not considered`
}

/** How many of each the line names. */
const NAMED = 3

function some(names: Set<string>): string {
  const ordered = [...names].toSorted(compare)
  return `${ordered.slice(0, NAMED).join(', ')}${ordered.length > NAMED ? ', ...' : ''}`
}
