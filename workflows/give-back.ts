import { isCancellation, log } from '@temporalio/workflow'
import type { Run } from '../src/contracts/messages.js'
import type { NodeView } from '../src/contracts/node-owner.js'
import type { Lease } from '../src/domain/lease.js'
import { control, sweepNode } from './activities.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/** All leases of an endpoint. They are kept by the owners of nodes, which answer also for a node that does not. */
export async function giveBackAll(endpoint: string): Promise<void> {
  const holding = leasedOn(await control.nodeViews(), (lease) => lease.endpoint === endpoint)
  await Promise.all(holding.map(({ nodeId }) => control.giveBackLeases({ nodeId, endpoint })))
}

/**
 * What is reserved for a flow, on every node: what it has started under that ends first. A node that is lost ends it when it is back, because the
 * lease is gone. Where it cannot be stopped now the lease stays: the owner of the node follows the flow, and frees it.
 */
export async function giveBackReserved(endpoint: string, { workflowId, runId }: Run, graceSeconds: number): Promise<void> {
  const owner = { workflowId, runId }
  const isOurs = (lease: Lease) =>
    lease.endpoint === endpoint && lease.state === 'reserved' && lease.owner.workflowId === workflowId && lease.owner.runId === runId
  await Promise.all(
    leasedOn(await control.nodeViews(), isOurs).map(async ({ nodeId, presence, leases }) => {
      try {
        for (const { fence } of presence === 'lost' ? [] : leases.filter(isOurs)) {
          await keepStuckAway(nodeId, await sweepNode(nodeId).stopEndpoint({ endpoint, graceSeconds, fence }))
        }
        await control.giveBackLeases({ nodeId, endpoint, owner })
      } catch (error) {
        if (isCancellation(error)) throw error
        log.warn('what a flow has on a node is not given back yet', { endpoint, node: nodeId, workflowId, error: rootMessage(error) })
      }
    }),
  )
}

function leasedOn(views: NodeView[], isMeant: (lease: Lease) => boolean): NodeView[] {
  return views.filter(({ leases }) => leases.some(isMeant))
}
