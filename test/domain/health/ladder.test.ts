import { expect, test } from 'vitest'
import { nextRung, repairDelayMs } from '../../../src/domain/health/ladder.js'

test('an engine is started again where it was, at once and then ever later, until that is a loop', () => {
  const rungs = [1, 2, 3, 4, 5, 6].map((failures) => nextRung('unknown', failures, 'it ended'))
  expect(rungs.map((rung) => (rung.do === 'restart' ? rung.delayMs : rung.why))).toEqual([
    0,
    1_000,
    2_000,
    4_000,
    8_000,
    'crash loop: it ended',
  ])
})

test.each(['gpu_fault', 'LeaseFenced', 'bad_flag'])('after %s it is not started in the same place at all', (failure) => {
  expect(nextRung(failure, 1, 'it ended')).toMatchObject({ do: 'repair', why: expect.stringContaining('it ended') })
})

test('repairs are tried ever later, and never given up for the wait alone', () => {
  expect([1, 2, 3, 4, 50].map(repairDelayMs)).toEqual([60_000, 120_000, 300_000, 600_000, 600_000])
})
