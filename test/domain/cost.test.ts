import { expect, test } from 'vitest'
import { costOf, unknownPrices } from '../../src/domain/cost.js'

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

test('names of the price table that no card has are told apart by their letters', () => {
  expect(unknownPrices({ currency: 'EUR', perGpuHour: { mi300x: 1, MI300X: 2, H100: 3 } }, ['MI300X', 'MI210'])).toEqual(['H100', 'mi300x'])
  expect(unknownPrices(null, ['MI300X'])).toEqual([])
})
