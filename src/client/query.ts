import type { Client } from '@temporalio/client'

/** Longer than another worker takes to replay a long history. */
const ANSWER_MS = 10_000

/** Asks a flow once. A query whose worker died is lost, which the server tells only after half a minute: nobody waits so long before a screen. */
export function query<Answer>(client: Client, name: string, workflowId: string, runId?: string, withinMs = ANSWER_MS): Promise<Answer> {
  const handle = client.workflow.getHandle(workflowId, runId)
  return client.withDeadline(Date.now() + withinMs, () => handle.query<Answer>(name))
}
