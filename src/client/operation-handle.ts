import type { Client } from '@temporalio/client'
import type { OperationProgress } from '../contracts/deploy.js'
import { PROGRESS_QUERY } from '../contracts/messages.js'
import { TransferProgress } from '../contracts/model.js'
import { toAimError } from './failures.js'
import type { OperationHandle } from './types.js'

/** Follows one flow. Bytes come from the heartbeat of the activity that downloads: watching costs no history. */
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
        const [answer, bytes] = await Promise.all([handle.query<OperationProgress>(PROGRESS_QUERY), bytesOf(client, workflowId, known)])
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
  const download = raw.pendingActivities?.find((activity) => activity.activityType?.name === 'ensureWeights')
  const [payload] = download?.heartbeatDetails?.payloads ?? []
  if (payload === undefined) return null
  const { data } = TransferProgress.safeParse(client.options.loadedDataConverter.payloadConverter.fromPayload(payload))
  return data === undefined ? null : { done: data.doneBytes, total: data.totalBytes, file: data.file }
}
