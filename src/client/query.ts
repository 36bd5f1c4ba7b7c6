import { isGrpcDeadlineError, type Client } from '@temporalio/client'

/** Longer than another worker takes to replay a long history. */
const ANSWER_MS = 10_000

/**
 * Asks a flow, for so long at most. A query that is lost, with its worker or under load, is never answered, which the server tells only after half
 * a minute: after a third of the time it is asked again.
 */
export async function query<Answer>(
  client: Client,
  name: string,
  workflowId: string,
  runId?: string,
  withinMs = ANSWER_MS,
): Promise<Answer> {
  const handle = client.workflow.getHandle(workflowId, runId)
  const ask = (deadline: number): Promise<Answer> => client.withDeadline(deadline, () => handle.query<Answer>(name))
  const now = Date.now()
  try {
    return await ask(now + withinMs / 3)
  } catch (error) {
    if (!isGrpcDeadlineError(error)) throw error
    return ask(now + withinMs)
  }
}
