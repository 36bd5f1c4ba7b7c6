import type { Client } from '@temporalio/client'
import { NODE_QUERY, NODE_UPDATES, type NodeView } from '../../contracts/node-owner.js'
import { workflowIds } from '../../contracts/workflow-ids.js'
import type { Caller } from '../../contracts/messages.js'
import type { LeaseAnswer, Owner } from '../../domain/lease.js'
import type { NodeOwners } from '../../ports/node-owners.js'
import { openNodes } from './nodes.js'
import { queryOf } from './query.js'
import { answerOf, unlessNotFound } from './refusal.js'

type GiveBack = { endpoint: string; owner?: Owner }

/** The control worker's arm to the workflows that own nodes. */
export function createNodeOwners(client: Client): NodeOwners {
  const handleOf = (nodeId: string) => client.workflow.getHandle(workflowIds.node(nodeId))

  async function ask<Answer>(nodeId: string, update: keyof typeof NODE_UPDATES, about: object, { requestId }: Caller): Promise<Answer> {
    const args: [object] = [about]
    const sent = handleOf(nodeId).executeUpdate<Answer, [object]>(NODE_UPDATES[update], { args, updateId: `${update}-${requestId}` })
    return answerOf(`node ${nodeId}`, sent)
  }

  /** Null: its owner does not answer. */
  async function looks(): Promise<{ nodeId: string; view: NodeView | null }[]> {
    const nodes = await openNodes(client)
    const answers = await Promise.allSettled(nodes.map((id) => queryOf<NodeView>(client, workflowIds.node(id), NODE_QUERY)))
    return nodes.map((nodeId, index) => {
      const answer = answers[index]
      return { nodeId, view: answer?.status === 'fulfilled' ? answer.value : null }
    })
  }

  const giveBack = (nodeId: string, what: GiveBack, caller: Caller) => unlessNotFound(ask(nodeId, 'giveBack', what, caller))

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
