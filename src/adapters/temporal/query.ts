import { isGrpcDeadlineError, type Client } from '@temporalio/client'

/** Longer than the server waits for a worker that is gone (5 s), and another one takes to replay a long history. */
const ANSWER_MS = 10_000
const TRIES = 3

/** A query that went to a worker which then died is lost, and the server would wait half a minute for its answer: it is asked again sooner. */
export async function queryOf<Answer>(client: Client, workflowId: string, name: string): Promise<Answer> {
  const handle = client.workflow.getHandle(workflowId)
  for (let tries = 1; ; tries += 1) {
    try {
      return await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query<Answer>(name))
    } catch (error) {
      if (tries === TRIES || !isGrpcDeadlineError(error)) throw error
    }
  }
}
