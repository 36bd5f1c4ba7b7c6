import type { Client } from '@temporalio/client'
import { ByteProgress } from '../contracts/cache-flows.js'
import type { OperationProgress } from '../contracts/deploy.js'
import { PROGRESS_QUERY } from '../contracts/messages.js'
import { toAimError } from './failures.js'
import { query } from './query.js'
import type { OperationHandle } from './types.js'

/** Activities whose heartbeats carry bytes. */
const COUNTING = ['ensureWeights', 'verifyCache']

/** Follows one flow. Bytes come from the heartbeats of what it does on nodes, also of a child's: watching costs no history. */
export async function operationHandle<Result>(
  client: Client,
  workflowId: string,
  runId: string | undefined,
  attached: boolean,
): Promise<OperationHandle<Result>> {
  const handle = client.workflow.getHandle(workflowId, runId)
  const known = runId ?? (await handle.describe()).runId
  return {
    workflowId,
    runId: known,
    attached,
    async progress() {
      try {
        const asked = query<OperationProgress>(client, PROGRESS_QUERY, workflowId, runId)
        const [answer, bytes] = await Promise.all([asked, bytesOf(client, workflowId, known)])
        return bytes === null ? answer : { ...answer, bytes }
      } catch (error) {
        throw toAimError(error, workflowId)
      }
    },
    async result() {
      try {
        return (await handle.result()) as Result
      } catch (error) {
        throw toAimError(error, workflowId)
      }
    },
    async cancel() {
      await handle.cancel()
    },
  }
}

async function bytesOf(client: Client, workflowId: string, runId: string): Promise<NonNullable<OperationProgress['bytes']> | null> {
  const { raw } = await client.workflow.getHandle(workflowId, runId).describe()
  const [child] = raw.pendingChildren ?? []
  if (child?.workflowId && child.runId) return bytesOf(client, child.workflowId, child.runId)
  const counted = (raw.pendingActivities ?? []).flatMap((activity) => {
    const [payload] = activity.heartbeatDetails?.payloads ?? []
    if (payload === undefined || !COUNTING.includes(activity.activityType?.name ?? '')) return []
    const { data } = ByteProgress.safeParse(client.options.loadedDataConverter.payloadConverter.fromPayload(payload))
    return data === undefined ? [] : [data]
  })
  const [first] = counted
  if (first === undefined) return null
  const sum = (field: 'doneBytes' | 'totalBytes') => counted.reduce((all, each) => all + each[field], 0)
  return { done: sum('doneBytes'), total: sum('totalBytes'), file: counted.length === 1 ? first.file : `${counted.length} nodes` }
}
