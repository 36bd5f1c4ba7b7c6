import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPlanPolicy } from '../../../src/adapters/plan-policy/create-plan-policy.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aim-prices-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const policyOf = (text: string) => {
  const pricesFile = join(folder, 'prices.yaml')
  writeFileSync(pricesFile, text)
  return createPlanPolicy({ pricesFile, remoteCode: 'org/*', pickle: undefined })
}

test('the price table is read anew for each plan', async () => {
  const policy = policyOf('currency: EUR\nperGpuHour: { MI300X: 2.5 }\n')
  expect(await policy.prices()).toEqual({ currency: 'EUR', perGpuHour: { MI300X: 2.5 } })
  policyOf('currency: EUR\nperGpuHour: { MI300X: 3 }\n')
  expect(await policy.prices()).toEqual({ currency: 'EUR', perGpuHour: { MI300X: 3 } })
})

test.each([
  ['currency: euro\nperGpuHour: {}\n', 'currency'],
  ['currency: EUR\nperGpuHour: { MI300X: free }\n', 'perGpuHour.MI300X'],
  ['currency: EUR\nperGpuHour: { MI300X: -1 }\n', 'perGpuHour.MI300X'],
  ['currency: [EUR\n', 'prices.yaml'],
])('%j is refused with the field', async (text, field) => {
  await expect(policyOf(text).prices()).rejects.toMatchObject({
    code: 'InvalidInput',
    details: { field: expect.stringContaining(field) as string },
  })
})

test('without a table there are no prices, and a missing one is an error', async () => {
  expect(await createPlanPolicy({ pricesFile: undefined, remoteCode: undefined, pickle: undefined }).prices()).toBeNull()
  await expect(
    createPlanPolicy({ pricesFile: join(folder, 'none.yaml'), remoteCode: undefined, pickle: undefined }).prices(),
  ).rejects.toMatchObject({
    code: 'InvalidInput',
  })
})

test('code of a repository runs only where the operator said so', () => {
  const policy = createPlanPolicy({ pricesFile: undefined, remoteCode: 'org/*', pickle: 'other/name' })
  expect([policy.allowsRemoteCode('org/name'), policy.allowsRemoteCode('other/name')]).toEqual([true, false])
  expect([policy.allowsPickle('org/name'), policy.allowsPickle('other/name')]).toEqual([false, true])
})
