import { expect, test } from 'vitest'
import { queryOf } from '../../../src/adapters/temporal/query.js'
import { clientThat, lost, unavailable } from '../../support/lossy-client.js'

test('a query that is lost is asked again, each time with a time of its own', async () => {
  const { client, deadlines } = clientThat(lost(), lost(), 'ready')
  const asked = Date.now()
  expect(await queryOf(client, 'node/n1', 'node')).toBe('ready')
  expect(deadlines).toHaveLength(3)
  for (const deadline of deadlines) expect(deadline).toBeGreaterThanOrEqual(asked + 10_000)
})

test('it is asked three times at most, and once where the server says why it fails', async () => {
  const late = clientThat(lost(), lost(), lost(), 'too late')
  await expect(queryOf(late.client, 'node/n1', 'node')).rejects.toThrow('Failed to query')
  const away = clientThat(unavailable(), 'too late')
  await expect(queryOf(away.client, 'node/n1', 'node')).rejects.toThrow('Failed to query')
  expect(away.deadlines).toHaveLength(1)
})
