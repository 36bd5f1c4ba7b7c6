import { WithStartWorkflowOperation, type Client } from '@temporalio/client'
import { REGISTER_NODE_UPDATE, type NodeIdentity } from '../../contracts/messages.js'
import { CONTROL_QUEUE } from '../../contracts/task-queues.js'
import { workflowIds } from '../../contracts/workflow-ids.js'

/** Ids of the nodes whose own workflow is open, in order. */
export async function openNodes(client: Client): Promise<string[]> {
  const nodes: string[] = []
  const prefix = workflowIds.node('')
  for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = 'manageNode' AND ExecutionStatus = 'Running'` })) {
    nodes.push(workflowId.slice(prefix.length))
  }
  return nodes.toSorted()
}

/** Makes a node known to the cluster: starts its own workflow if there is none. */
export async function registerNode(client: Client, identity: NodeIdentity): Promise<void> {
  const { nodeId, instance } = identity
  await client.workflow.executeUpdateWithStart<never, void, [NodeIdentity]>(REGISTER_NODE_UPDATE, {
    args: [identity],
    updateId: instance,
    startWorkflowOperation: new WithStartWorkflowOperation('manageNode', {
      workflowId: workflowIds.node(nodeId),
      taskQueue: CONTROL_QUEUE,
      args: [{ nodeId }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `owns node ${nodeId}`,
    }) as WithStartWorkflowOperation<never>,
  })
}
