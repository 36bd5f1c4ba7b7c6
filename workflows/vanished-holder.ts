import { log } from '@temporalio/workflow'
import type { Operation } from '../src/contracts/endpoint.js'
import { control, sweepNode } from './activities.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/**
 * Terminate and reset run no undo: what such an operation had started under its leases is stopped for it, on every node that answers, and
 * the leases are given back. One that does not answer ends it when it is back, because the lease is gone.
 */
export async function cleanUpAfter(endpoint: string, { workflowId, runId }: Operation): Promise<void> {
  const owner = { workflowId, runId }
  const left = (await control.nodeViews()).flatMap(({ nodeId, leases }) =>
    leases.filter((lease) => isOf(lease, endpoint, owner)).map(({ fence }) => ({ nodeId, fence })),
  )
  await Promise.all(
    left.map(async ({ nodeId, fence }) => {
      try {
        await keepStuckAway(nodeId, await sweepNode(nodeId).stopEndpoint({ endpoint, fence, graceSeconds: 0 }))
      } catch (error) {
        log.warn('a node does not answer; what a vanished operation started there ends when it is back', {
          node: nodeId,
          error: rootMessage(error),
        })
      }
      await control.giveBackLeases({ nodeId, endpoint, owner })
    }),
  )
  await control.recordLost({ run: owner })
}

type Owned = { endpoint: string; state: string; owner: { workflowId: string; runId: string } }

function isOf(lease: Owned, endpoint: string, { workflowId, runId }: Owned['owner']): boolean {
  const { owner, state } = lease
  return lease.endpoint === endpoint && state === 'reserved' && owner.workflowId === workflowId && owner.runId === runId
}
