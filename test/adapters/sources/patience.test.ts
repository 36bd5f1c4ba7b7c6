import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withPatience } from '../../../src/adapters/sources/patience.js'
import { AimError } from '../../../src/contracts/errors.js'
import type { WeightSource } from '../../../src/ports/weight-source.js'
import { fileOf, MODEL } from './support.js'

const file = fileOf(Buffer.from('x'))
const location = { url: 'http://x', headers: {}, size: 1, etag: '' }

function failing(...answers: (Error | 'here')[]): WeightSource & { asked: number } {
  const source = {
    kind: 'mirror' as const,
    name: 'mirror',
    asked: 0,
    async locate() {
      const answer = answers[source.asked]
      source.asked += 1
      if (answer instanceof Error) throw answer
      return location
    },
    read: () => Promise.reject(new Error('not read here')),
  }
  return source
}
const down = new AimError('HubUnreachable', { hub: 'x', reason: 'ECONNREFUSED' })

test('a place that fails three times in a row is left alone for a while, then asked again', async () => {
  const source = failing(down, down, down, 'here')
  const patient = withPatience(source, 50)
  await expect(patient.locate(MODEL, file)).rejects.toBe(down)
  await expect(patient.locate(MODEL, file)).rejects.toBe(down)
  expect(await patient.locate(MODEL, file)).toBeNull()
  expect(await patient.locate(MODEL, file)).toBeNull()
  expect(source.asked).toBe(3)
  await sleep(60)
  expect(await patient.locate(MODEL, file)).toBe(location)
})

test('a success in between begins the count anew', async () => {
  const patient = withPatience(failing(down, down, 'here', down, down))
  for (const expected of ['fails', 'fails', 'here', 'fails', 'fails'])
    expect(
      await patient.locate(MODEL, file).then(
        () => 'here',
        () => 'fails',
      ),
    ).toBe(expected)
})

test.each([
  ['HubProtocol', {}],
  ['HubAuth', { file: 'a' }],
] as const)('what is about a file is not held against the place: %s', async (code, details) => {
  const wrong = new AimError(code, { hub: 'x', what: 'y', reason: 'z', ...details })
  const patient = withPatience(failing(...Array.from({ length: 9 }, () => wrong)))
  for (let time = 0; time < 9; time++) await expect(patient.locate(MODEL, file)).rejects.toBe(wrong)
})
