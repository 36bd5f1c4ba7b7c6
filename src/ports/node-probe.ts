import type { NodeInspection } from '../domain/node.js'

/** Looks at this machine: memory, disk, GPUs, and which backends can run. Never guesses a GPU. */
export interface NodeProbe {
  inspect(): Promise<Omit<NodeInspection, 'nodeId'>>
}
