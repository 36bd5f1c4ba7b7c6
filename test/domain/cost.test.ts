import { expect, test } from 'vitest'
import { costOf } from '../../src/domain/cost.js'

const prices = { currency: 'EUR', perGpuHour: { MI300X: 1.8 } }

test('all GPUs together cost by the hour, and a million tokens by how many come out of it', () => {
  expect(costOf(prices, 'MI300X', 8, 1_000)).toEqual({ currency: 'EUR', perHour: 14.4, perMillionTokens: 4 })
})

test('without a rate there is no price of tokens, and without a price there is no cost', () => {
  expect(costOf(prices, 'MI300X', 1, null)).toEqual({ currency: 'EUR', perHour: 1.8, perMillionTokens: null })
  expect(costOf(prices, 'MI300X', 1, 0)?.perMillionTokens).toBeNull()
  expect(costOf(prices, 'MI355X', 1, 1_000)).toBeNull()
  expect(costOf(null, 'MI300X', 1, 1_000)).toBeNull()
})
