import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { kvBytesOfSequence, kvBytesPerToken } from '../../../src/domain/memory/kv.js'
import { alone, anyShape, anyTensor } from './arbitrary.js'
import { KNOWN } from './shapes.js'

test.each(Object.values(KNOWN))('$name costs $kvBytesPerToken bytes a token in 16 bits', ({ shape, kvBytesPerToken: bytes }) => {
  expect(kvBytesPerToken(shape, alone, 2)).toBe(bytes)
})

test.each([
  ['gptOss120', 73_728],
  ['gptOss20', 49_152],
  ['maverick', 196_608],
  ['scout', 196_608],
])('%s costs less than if each layer kept each token, once a window is full', (name, upperBound) => {
  const { shape } = KNOWN[name]!
  const { window, layers } = shape.windowed!
  const perLayer = upperBound / shape.layers
  expect(kvBytesOfSequence(shape, alone, 2, window)).toBe(upperBound * window)
  expect(kvBytesOfSequence(shape, alone, 2, 100_000)).toBe((shape.layers - layers) * perLayer * 100_000 + layers * perLayer * window)
  expect(kvBytesOfSequence(shape, alone, 2, 100_000)).toBeLessThan(upperBound * 100_000)
})

test('tensor parallelism divides grouped heads until one is left, and never a latent vector', () => {
  const perToken = (name: string, tensor: number) => kvBytesPerToken(KNOWN[name]!.shape, { ...alone, tensor }, 2)
  expect([1, 2, 4, 8].map((tensor) => perToken('qwen235', tensor))).toEqual([192_512, 96_256, 48_128, 48_128])
  expect([1, 8].map((tensor) => perToken('deepseek', tensor))).toEqual([70_272, 70_272])
})

test('pipeline parallelism divides layers, an uneven rest goes to one stage', () => {
  expect(kvBytesPerToken(KNOWN['deepseek']!.shape, { ...alone, pipeline: 2 }, 2)).toBe(31 * 1_152)
})

test('fp8 halves the cache', () => {
  fc.assert(
    fc.property(anyShape, anyTensor, fc.nat(200_000), (shape, tensor, tokens) => {
      const parallel = { ...alone, tensor }
      expect(2 * kvBytesOfSequence(shape, parallel, 1, tokens)).toBe(kvBytesOfSequence(shape, parallel, 2, tokens))
    }),
  )
})

test('windowed layers never need more than full ones, and a latent cache is the same on every rank', () => {
  fc.assert(
    fc.property(anyShape, anyTensor, fc.nat(200_000), (shape, tensor, tokens) => {
      const bytes = (of: typeof shape, ranks: number) => kvBytesOfSequence(of, { ...alone, tensor: ranks }, 2, tokens)
      expect(bytes(shape, tensor)).toBeLessThanOrEqual(bytes({ ...shape, windowed: null }, tensor))
      expect(bytes(shape, tensor)).toBe(bytes(shape, shape.attention.kind === 'latent' ? 1 : tensor))
    }),
  )
})
