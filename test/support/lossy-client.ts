import type { Client } from '@temporalio/client'

/** A stand-in for Temporal's client that answers queries in this order: with a real server a query is lost only at the right moment. */
export function clientThat(...answers: unknown[]) {
  const deadlines: number[] = []
  const query = async () => {
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  }
  const withDeadline = async (deadline: number, ask: () => Promise<unknown>) => {
    deadlines.push(deadline)
    return ask()
  }
  return { client: { withDeadline, workflow: { getHandle: () => ({ query }) } } as unknown as Client, deadlines }
}

const failed = (code: number) => () =>
  new Error('Failed to query', { cause: Object.assign(new Error('grpc'), { code, details: '', metadata: {} }) })
/** Nobody answered in time. */
export const lost = failed(4)
/** The server is not there. */
export const unavailable = failed(14)
