import type { Client } from '@temporalio/client'
import { NODE_QUERY, NODE_UPDATES, type NodeView } from '../../contracts/node-owner.js'
import { workflowIds } from '../../contracts/workflow-ids.js'
import { hasRoom } from '../../domain/gpu-use.js'
import type { Gpu } from '../../domain/node.js'

export type GpuMemory = Pick<Gpu, 'index' | 'vramFreeBytes' | 'vramTotalBytes'>

/** A query waits for a control worker. */
const QUERY_MS = 5_000

/** Ends the quarantine of GPUs whose memory has come back after all. Nobody looks at the GPUs where none is kept away for that. */
export async function clearFreed(client: Client, nodeId: string, gpus: () => Promise<GpuMemory[]>): Promise<void> {
  const owner = client.workflow.getHandle(workflowIds.node(nodeId))
  const { quarantined } = await client.withDeadline(Date.now() + QUERY_MS, () => owner.query<NodeView>(NODE_QUERY))
  if (quarantined.every(({ freeBytes }) => freeBytes === undefined)) return
  const seen = await gpus()
  for (const { gpu, at, freeBytes } of quarantined) {
    const memory = seen.find(({ index, vramFreeBytes }) => index === gpu && vramFreeBytes !== null)
    if (freeBytes === undefined || memory === undefined || !hasRoom(memory, freeBytes)) continue
    // Another quarantine may have taken its place: that one stays.
    await owner.executeUpdate(NODE_UPDATES.clear, { args: [{ gpu, at }] })
  }
}
