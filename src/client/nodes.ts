import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import { AimError } from '../contracts/errors.js'
import { NodeId } from '../contracts/names.js'
import { NODE_QUERY, NODE_UPDATES, type NodeView } from '../contracts/node-owner.js'
import { validate } from '../contracts/validate.js'
import { workflowIds } from '../contracts/workflow-ids.js'
import { toAimError } from './failures.js'
import { query } from './query.js'
import type { AimClient, NodeStatus } from './types.js'

type NodeClient = Pick<
  AimClient,
  'nodes' | 'nodeStatuses' | 'node' | 'cordonNode' | 'uncordonNode' | 'quarantineGpu' | 'clearGpu' | 'labelNode' | 'forgetNode'
>

/** A list does not wait long for one of its lines. */
const LOOK_MS = 5_000

/** The nodes of the cluster: what each has and who has what of it, and what people may ask of its owner. */
export function nodeClient(client: Client): NodeClient {
  const by = client.options.identity

  const look = (nodeId: string): Promise<NodeView> => query(client, NODE_QUERY, workflowIds.node(nodeId), undefined, LOOK_MS)

  async function status(nodeId: string): Promise<NodeStatus> {
    try {
      return { nodeId, view: await look(nodeId), problem: null }
    } catch (error) {
      return { nodeId, view: null, problem: toAimError(error, `node ${nodeId}`).message }
    }
  }

  /** A node that was forgotten answers its query, as every closed workflow does: only an open one is a node. */
  async function open(name: string): Promise<string> {
    const nodeId = validate(NodeId, name)
    try {
      const { status: state } = await client.workflow.getHandle(workflowIds.node(nodeId)).describe()
      if (state.name === 'RUNNING') return nodeId
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw toAimError(error, `node ${nodeId}`)
    }
    throw new AimError('NoSuchNode', { node: nodeId })
  }

  async function ask(name: string, update: keyof typeof NODE_UPDATES, about: object): Promise<NodeView> {
    const nodeId = await open(name)
    try {
      await client.workflow.getHandle(workflowIds.node(nodeId)).executeUpdate<unknown, [object]>(NODE_UPDATES[update], { args: [about] })
      return await look(nodeId)
    } catch (error) {
      throw toAimError(error, `node ${nodeId}`)
    }
  }

  async function nodes(): Promise<string[]> {
    const found: string[] = []
    const prefix = workflowIds.node('')
    for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = 'manageNode' AND ExecutionStatus = 'Running'` })) {
      found.push(workflowId.slice(prefix.length))
    }
    return found.toSorted()
  }

  return {
    nodes,
    nodeStatuses: async () => Promise.all((await nodes()).map(status)),
    async node(name) {
      const nodeId = await open(name)
      try {
        return await look(nodeId)
      } catch (error) {
        throw toAimError(error, `node ${nodeId}`)
      }
    },
    cordonNode: (name, { reason, drain }) => ask(name, 'cordon', { reason, drain, by }),
    uncordonNode: (name) => ask(name, 'uncordon', {}),
    quarantineGpu: (name, gpu, reason) => ask(name, 'quarantine', { gpu, reason, by }),
    clearGpu: (name, gpu) => ask(name, 'clear', { gpu }),
    labelNode: (name, change) => ask(name, 'label', change),
    async forgetNode(name, { force }) {
      await ask(name, 'forget', { force })
    },
  }
}
