import { expect, test } from 'vitest'
import { recentDeaths, restartDelayMs } from '../../src/domain/restarts.js'

test('the first restart is at once, the next ones wait longer and longer, then it is a crash loop', () => {
  const deaths = [0, 1_000, 3_000, 7_000, 15_000, 31_000]
  const delays = deaths.map((now, index) => restartDelayMs(deaths.slice(0, index + 1), now))
  expect(delays).toEqual([0, 1_000, 2_000, 4_000, 8_000, null])
})

test('deaths of long ago do not count', () => {
  const hour = 3_600_000
  expect(restartDelayMs([0, 1, 2, 3, 4, hour], hour)).toBe(0)
  expect(recentDeaths([0, hour - 1], hour)).toEqual([hour - 1])
})
