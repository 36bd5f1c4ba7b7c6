import { WithStartWorkflowOperation, type Client } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { AimError, type ErrorDetails } from '../../contracts/errors.js'
import { NODE_UPDATES, type Registered, type Registration } from '../../contracts/node-owner.js'
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

/** Makes a node known to the cluster: starts its own workflow if there is none. @throws AimError `NodeTaken` while another machine runs it. */
export async function registerNode(client: Client, registration: Registration): Promise<Registered> {
  const { nodeId } = registration
  try {
    return await client.workflow.executeUpdateWithStart<never, Registered, [Registration]>(NODE_UPDATES.register, {
      args: [registration],
      startWorkflowOperation: new WithStartWorkflowOperation('manageNode', {
        workflowId: workflowIds.node(nodeId),
        taskQueue: CONTROL_QUEUE,
        args: [{ nodeId }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `owns node ${nodeId}`,
      }) as WithStartWorkflowOperation<never>,
    })
  } catch (error) {
    const { cause } = error as Error
    if (!(cause instanceof ApplicationFailure) || cause.type !== 'NodeTaken') throw error
    throw new AimError('NodeTaken', cause.details?.[0] as ErrorDetails, { cause: error })
  }
}
