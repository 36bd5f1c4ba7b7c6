import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import { AimError } from '../../contracts/errors.js'
import { NODE_QUERY, NODE_UPDATES, type NodeView } from '../../contracts/node-owner.js'
import { workflowIds } from '../../contracts/workflow-ids.js'
import type { Caller } from '../../contracts/messages.js'
import type { LeaseAnswer, Owner } from '../../domain/lease.js'
import type { NodeOwners } from '../../ports/node-owners.js'
import { openNodes } from './nodes.js'
import { refusalOf } from './refusal.js'

type GiveBack = { endpoint: string; owner?: Owner }

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
      throw error instanceof WorkflowNotFoundError
        ? new AimError('NotFound', { what: `node ${nodeId}` }, { cause: error })
        : refusalOf(error)
    }
  }

  /** Null: its owner does not answer. */
  async function looks(): Promise<{ nodeId: string; view: NodeView | null }[]> {
    const nodes = await openNodes(client)
    const answers = await Promise.allSettled(nodes.map((id) => handleOf(id).query<NodeView>(NODE_QUERY)))
    return nodes.map((nodeId, index) => {
      const answer = answers[index]
      return { nodeId, view: answer?.status === 'fulfilled' ? answer.value : null }
    })
  }

  const giveBack = (nodeId: string, what: GiveBack, caller: Caller) => unlessUnknown(ask(nodeId, 'giveBack', what, caller))

  return {
    views: async () => (await looks()).flatMap(({ view }) => (view === null ? [] : [view])),
    lease: (nodeId, claim, caller) => ask<LeaseAnswer>(nodeId, 'lease', claim, caller),
    giveBack,
    async giveBackEverywhere(what, caller) {
      const holding = (await looks()).filter(({ view }) => view === null || view.leases.some(({ endpoint }) => endpoint === what.endpoint))
      await Promise.all(holding.map(({ nodeId }) => giveBack(nodeId, what, caller)))
    },
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
