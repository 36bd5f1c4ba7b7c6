import { WorkflowExecutionAlreadyStartedError, type Client, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import { AimError } from '../contracts/errors.js'
import { CONTROL_QUEUE } from '../contracts/task-queues.js'
import { toAimError } from './failures.js'
import { operationHandle } from './operation-handle.js'
import type { OperationHandle } from './types.js'

type Flow = {
  type: string
  workflowId: string
  input: unknown
  /** What makes two requests the same: such a one joins the flow that runs. */
  hash: string
  summary: string
  /** What becomes of another request while one runs under this id. */
  other: 'is refused' | 'runs beside it'
}

/** Starts a flow, or joins the one that runs for the same request. Throws AimError OperationInProgress, TemporalUnreachable. */
export async function startFlow<Result>(client: Client, flow: Flow): Promise<OperationHandle<Result>> {
  const { type, workflowId, input, hash, summary } = flow
  try {
    const handle: WorkflowHandleWithFirstExecutionRunId = await client.workflow.start(type, {
      workflowId,
      taskQueue: CONTROL_QUEUE,
      args: [input],
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: summary,
      memo: { requestFingerprint: hash },
    })
    return await operationHandle<Result>(client, workflowId, handle.firstExecutionRunId, false)
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw toAimError(error, workflowId)
    return meet<Result>(client, flow)
  }
}

/** There was one when we came. One that has just ended is no obstacle. */
async function meet<Result>(client: Client, flow: Flow): Promise<OperationHandle<Result>> {
  const { workflowId, hash, other } = flow
  const { memo, runId, status } = await client.workflow.getHandle(workflowId).describe()
  if (status.name !== 'RUNNING') return startFlow<Result>(client, flow)
  if (memo?.['requestFingerprint'] === hash) return operationHandle<Result>(client, workflowId, runId, true)
  if (other === 'runs beside it') return startFlow<Result>(client, { ...flow, workflowId: `${workflowId}/${hash}`, other: 'is refused' })
  throw new AimError('OperationInProgress', { endpoint: workflowId.slice(workflowId.indexOf('/') + 1), workflowId })
}
