import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import { AimError } from '../../contracts/errors.js'
import { NODE_QUERY, NODE_UPDATES, type NodeView } from '../../contracts/node-owner.js'
import { workflowIds } from '../../contracts/workflow-ids.js'
import type { Caller } from '../../contracts/messages.js'
import type { LeaseAnswer } from '../../domain/lease.js'
import type { NodeOwners } from '../../ports/node-owners.js'
import { openNodes } from './nodes.js'

/** The control worker's arm to the workflows that own nodes. */
export function createNodeOwners(client: Client): NodeOwners {
  const handleOf = (nodeId: string) => client.workflow.getHandle(workflowIds.node(nodeId))

  async function ask<Answer>(nodeId: string, update: keyof typeof NODE_UPDATES, about: object, { requestId }: Caller): Promise<Answer> {
    try {
      return await handleOf(nodeId).executeUpdate<Answer, [object]>(NODE_UPDATES[update], {
        args: [about],
        updateId: `${update}-${requestId}`,
      })
    } catch (error) {
      throw error instanceof WorkflowNotFoundError ? new AimError('NotFound', { what: `node ${nodeId}` }, { cause: error }) : error
    }
  }

  return {
    async views() {
      const looks = await Promise.allSettled((await openNodes(client)).map((id) => handleOf(id).query<NodeView>(NODE_QUERY)))
      return looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))
    },
    lease: (nodeId, claim, caller) => ask<LeaseAnswer>(nodeId, 'lease', claim, caller),
    release: (nodeId, lease, caller) => unlessUnknown(ask(nodeId, 'release', lease, caller)),
    giveBack: (nodeId, what, caller) => unlessUnknown(ask(nodeId, 'giveBack', what, caller)),
    quarantine: (nodeId, what, caller) => ask(nodeId, 'quarantine', { ...what, by: caller.workflowId }, caller),
  }
}

/** A node that nobody owns any more holds no lease. */
async function unlessUnknown(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof AimError && error.code === 'NotFound')) throw error
  }
}
