import { expect, it } from 'vitest'
import { createConnectionLimit, type ConnectionLimit } from '../../../../src/adapters/weights/transfer/connection-limit.js'

/** Limits that it goes through while all connections are busy and bring this rate together. */
function trail(limit: ConnectionLimit, ticks: number, rateOf: (connections: number) => number): number[] {
  const seen = [limit.now()]
  for (let tick = 0; tick < ticks; tick++) {
    limit.observe(rateOf(limit.now()), limit.now())
    if (limit.now() !== seen.at(-1)) seen.push(limit.now())
  }
  return seen
}

it('tries more as long as that brings more, up to the most', () => {
  expect(trail(createConnectionLimit(18), 20, (connections) => connections)).toEqual([8, 12, 16, 18])
})

it.each([10, 11, 12, 40])('goes back to what it had when more bring nothing, also where there was less than a step left: %i', (most) => {
  const tried = Math.min(most, 12)
  expect(trail(createConnectionLimit(most), 60, () => 100)).toEqual([8, tried, 8, tried, 8])
})

it('does not judge by connections that had nothing to do', () => {
  const limit = createConnectionLimit(40)
  for (let tick = 0; tick < 20; tick++) limit.observe(100, 3)
  expect(limit.now()).toBe(8)
})

it('never begins with more than the most', () => {
  expect(trail(createConnectionLimit(3), 20, (connections) => connections)).toEqual([3])
})
