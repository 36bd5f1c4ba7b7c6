import { expect, test } from 'vitest'
import { testEnvironment } from './temporal.js'

test('a run has one Temporal server that answers and knows our search attributes', async () => {
  const { client, close } = await testEnvironment()
  await expect(client.workflow.count("AimEndpoint = 'no-such-endpoint' AND AimState = 'none'")).resolves.toMatchObject({ count: 0 })
  await expect(client.workflow.count("AimNoSuch = 'x'")).rejects.toThrow('Failed to count workflows')
  await close()
})
