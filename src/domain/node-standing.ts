import type { NodeBook } from './lease.js'
import type { Gpu, NodeInspection } from './node.js'

/** What the owner of a node says of it; labels as they hold now. */
export type NodeStanding = { nodeId: string } & Pick<NodeBook, 'cordon' | 'labels' | 'leases' | 'quarantined'>

/** What a machine shows and what its owner keeps from everybody, as one. What `endpoint` has itself is not kept from it. */
export function withStanding(node: NodeInspection, standing: NodeStanding | undefined, endpoint: string | null): NodeInspection {
  if (standing === undefined) return node
  const { cordon, labels } = standing
  const gpus = node.gpus.map((gpu) => withheldGpu(gpu, standing, endpoint))
  const merged = { ...node, labels: { ...node.labels, ...labels }, gpus }
  return cordon === null ? merged : { ...merged, cordoned: `the node is ${cordon.drain ? 'being drained' : 'cordoned'}: ${cordon.reason}` }
}

function withheldGpu(gpu: Gpu, { leases, quarantined }: NodeStanding, endpoint: string | null): Gpu {
  const barred = quarantined.find((entry) => entry.gpu === gpu.index)
  if (barred !== undefined) return { ...gpu, withheld: { by: 'quarantine', endpoint: null, why: barred.reason } }
  const lease = leases.find((entry) => entry.gpus.includes(gpu.index) && entry.endpoint !== endpoint)
  return lease === undefined ? gpu : { ...gpu, withheld: { by: 'lease', endpoint: lease.endpoint, why: `leased to ${lease.endpoint}` } }
}
