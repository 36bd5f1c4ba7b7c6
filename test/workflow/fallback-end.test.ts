import { expect, test } from 'vitest'
import type { Tried } from '../../src/domain/fallback/next-move.js'
import { endOf } from '../../workflows/fallback-end.js'

const tried = (node: string, failure: string): Tried => ({ candidate: { recipe: 'r', node } as Tried['candidate'], failure })
const failed = (type: string) => ({ type, message: `${type}, in words`, details: { of: type } })
const end = (tries: Tried[], last: ReturnType<typeof failed> | null) => endOf({ endpoint: 'chat', tried: tries, last }, 'nothing is left')

test('one candidate, however often it was tried, ends with its own failure and its facts', () => {
  expect(end([tried('a', 'GpuForeign'), tried('a', 'GpuForeign')], failed('GpuForeign'))).toMatchObject({
    type: 'GpuForeign',
    message: 'GpuForeign, in words',
    details: [{ of: 'GpuForeign' }],
  })
})

test('failures that pass by themselves stay such, on however many nodes', () => {
  expect(end([tried('a', 'TransferStalled'), tried('b', 'HubUnreachable')], failed('HubUnreachable'))).toMatchObject({
    type: 'HubUnreachable',
  })
})

test('all else ends with all reasons', () => {
  const reasons = 'r on a (HubUnreachable); r on b (oom_weights); nothing is left'
  expect(end([tried('a', 'HubUnreachable'), tried('b', 'oom_weights')], failed('EngineExited'))).toMatchObject({
    type: 'FallbackExhausted',
    message: `nothing that was tried starts chat: ${reasons}`,
    details: [{ endpoint: 'chat', tried: reasons }],
  })
  expect(end([], null)).toMatchObject({ type: 'FallbackExhausted' })
})
