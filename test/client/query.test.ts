import { expect, test } from 'vitest'
import { query } from '../../src/client/query.js'
import { clientThat, lost, unavailable } from '../support/lossy-client.js'

test('a query that is lost is asked once more, within the time of both', async () => {
  const { client, deadlines } = clientThat(lost(), 'ready')
  const asked = Date.now()
  expect(await query(client, 'progress', 'deploy/a', undefined, 9_000)).toBe('ready')
  expect(deadlines).toHaveLength(2)
  for (const [index, ms] of [3_000, 9_000].entries()) expect(Math.abs((deadlines[index] ?? 0) - asked - ms)).toBeLessThan(1_000)
})

test('it is asked no third time, and once where the server says why it fails', async () => {
  const late = clientThat(lost(), lost(), 'too late')
  await expect(query(late.client, 'progress', 'deploy/a')).rejects.toThrow('Failed to query')
  const away = clientThat(unavailable(), 'too late')
  await expect(query(away.client, 'progress', 'deploy/a')).rejects.toThrow('Failed to query')
  expect(away.deadlines).toHaveLength(1)
})
