import type { Client } from '@temporalio/client'
import { expect, test } from 'vitest'
import { queryOf } from '../../../src/adapters/temporal/query.js'

/** A stand-in: with a real server a query is lost only when its worker dies at the right moment. */
function clientThat(...answers: unknown[]) {
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
const failed = (code: number) =>
  new Error('Failed to query', { cause: Object.assign(new Error('grpc'), { code, details: '', metadata: {} }) })
const [LOST, UNAVAILABLE] = [4, 14]

test('a query that is lost is asked again, each time with a time of its own', async () => {
  const { client, deadlines } = clientThat(failed(LOST), failed(LOST), 'ready')
  const asked = Date.now()
  expect(await queryOf(client, 'node/n1', 'node')).toBe('ready')
  expect(deadlines).toHaveLength(3)
  for (const deadline of deadlines) expect(deadline).toBeGreaterThanOrEqual(asked + 10_000)
})

test('it is asked three times at most, and once where the server says why it fails', async () => {
  const lost = clientThat(failed(LOST), failed(LOST), failed(LOST), 'too late')
  await expect(queryOf(lost.client, 'node/n1', 'node')).rejects.toThrow('Failed to query')
  const away = clientThat(failed(UNAVAILABLE), 'too late')
  await expect(queryOf(away.client, 'node/n1', 'node')).rejects.toThrow('Failed to query')
  expect(away.deadlines).toHaveLength(1)
})
