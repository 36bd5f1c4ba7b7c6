import { activityInfo } from '@temporalio/activity'
import type { Caller } from '../src/contracts/messages.js'

/** The run that asked for this activity. Activities of ours are always a workflow's. */
export function caller(): Caller {
  const { workflowExecution, activityId } = activityInfo()
  if (workflowExecution === undefined) throw new Error('this activity belongs to a workflow')
  const { workflowId, runId } = workflowExecution
  return { workflowId, runId, requestId: `${runId}/${activityId}` }
}
