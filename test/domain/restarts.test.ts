import { expect, test } from 'vitest'
import { failuresAfter, restartDelayMs } from '../../src/domain/restarts.js'

test('the first restart is at once, the next ones wait longer and longer, then it is a crash loop', () => {
  expect([1, 2, 3, 4, 5, 6].map(restartDelayMs)).toEqual([0, 1_000, 2_000, 4_000, 8_000, null])
})

test('an engine that dies after minutes each time is in a crash loop as well; one that served long starts anew', () => {
  const minutes = (count: number) => count * 60_000
  expect([1, 2, 3, 4, 5].reduce((failures) => failuresAfter(failures, minutes(3)), 1)).toBe(6)
  expect(failuresAfter(5, minutes(10))).toBe(1)
})
