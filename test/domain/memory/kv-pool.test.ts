import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { blocksIn, blocksOfSequence, concurrentSequences, kvPool, longestSequence, tokensIn } from '../../../src/domain/memory/kv-pool.js'
import { kvLayers } from '../../../src/domain/memory/kv.js'
import { alone, anyBackend, anyShape } from './arbitrary.js'
import { KNOWN } from './shapes.js'

const poolOf = (name: string, backend: 'vllm' | 'sglang', stepTokens = 2_048) => {
  const { shape } = KNOWN[name]!
  return kvPool(backend, shape, kvLayers(shape, alone, 2), alone, stepTokens)
}

test('vLLM puts half sliding, half full layers into two groups of blocks', () => {
  const pool = poolOf('gptOss120', 'vllm')
  expect(pool).toMatchObject({ blockTokens: 16, blockBytes: 18 * 2_048 * 16, full: 1, windowed: 1, windowTokens: 127 + 2 * 2_048 })
  expect(blocksOfSequence(pool, 16_000)).toBe(1_000 + Math.ceil((127 + 4_096) / 16) + 1)
})

test('vLLM counts one group of full and three of chunked layers for Llama 4, and no block more for a chunk', () => {
  const pool = poolOf('scout', 'vllm')
  expect(pool).toMatchObject({ full: 1, windowed: 3, windowTokens: 8_192 + 4_096, extra: 0 })
  expect(blocksOfSequence(pool, 16_000)).toBe(1_000 + 3 * 768)
})

test('layers that do not divide evenly into groups are padded', () => {
  const { shape } = KNOWN['qwen8']!
  const gemmaLike = { ...shape, layers: 62, windowed: { kind: 'sliding' as const, layers: 52, window: 1_024 } }
  const pool = kvPool('vllm', gemmaLike, kvLayers(gemmaLike, alone, 2), alone, 2_048)
  expect(pool).toMatchObject({ full: 1, windowed: 6, blockBytes: 10 * 4_096 * 16 })
})

test('vLLM keeps nearly as many layers of both kinds in groups of the larger number, and from half as many more in those of the smaller', () => {
  const { shape } = KNOWN['qwen8']!
  const groups = (full: number, windowed: number) => {
    const mixed = { ...shape, layers: full + windowed, windowed: { kind: 'sliding' as const, layers: windowed, window: 1_024 } }
    const { blockBytes, full: fullGroups, windowed: windowedGroups } = kvPool('vllm', mixed, kvLayers(mixed, alone, 2), alone, 2_048)
    return [blockBytes / (4_096 * 16), fullGroups, windowedGroups]
  }
  expect(groups(20, 28)).toEqual([28, 1, 1])
  expect(groups(20, 30)).toEqual([20, 1, 2])
})

test('SGLang has room for 0.8 tokens of sliding layers for each of the others, and none saved where it does not know the architecture', () => {
  expect(poolOf('gptOss120', 'sglang').blockBytes).toBe(18 * 2_048 * 1.8)
  const { shape } = KNOWN['gptOss120']!
  const other = { ...shape, architecture: 'Gemma3ForCausalLM' }
  expect(kvPool('sglang', other, kvLayers(other, alone, 2), alone, 2_048).blockBytes).toBe(36 * 2_048)
})

test('the longest sequence fits, and a block more does not', () => {
  fc.assert(
    fc.property(
      anyShape,
      anyBackend,
      fc.integer({ min: 1, max: 2 ** 36 }),
      fc.integer({ min: 1, max: 16_384 }),
      (shape, backend, bytes, step) => {
        const known = { ...shape, architecture: 'GptOssForCausalLM' }
        const pool = kvPool(backend, known, kvLayers(known, alone, 2), alone, step)
        const free = blocksIn(pool, bytes) - pool.reserved
        const longest = longestSequence(pool, bytes, shape.maxContext)
        const more = Math.min(shape.maxContext, longest + pool.blockTokens)
        expect(longest === 0 || blocksOfSequence(pool, longest) <= free).toBe(true)
        expect(longest === more || blocksOfSequence(pool, more) > free).toBe(true)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('a longer sequence never takes less, and so many at the same time fit', () => {
  fc.assert(
    fc.property(anyShape, anyBackend, fc.nat(200_000), fc.nat(200_000), (shape, backend, one, other) => {
      const pool = kvPool(backend, shape, kvLayers(shape, alone, 2), alone, 2_048)
      expect(blocksOfSequence(pool, Math.min(one, other))).toBeLessThanOrEqual(blocksOfSequence(pool, Math.max(one, other)))
      const count = concurrentSequences(pool, 2 ** 34, one + 1)
      expect(count * blocksOfSequence(pool, one + 1) * pool.blockBytes).toBeLessThanOrEqual(2 ** 34)
    }),
  )
})

test('a GiB of SmolLM2-135M holds the 46,592 tokens that vLLM 0.32 reported', () => {
  const { shape } = KNOWN['qwen8']!
  const smol = { ...shape, layers: 30, attention: { kind: 'grouped' as const, heads: 9, kvHeads: 3, headDim: 64 } }
  expect(tokensIn(kvPool('vllm', smol, kvLayers(smol, alone, 2), alone, 2_048), 2 ** 30, 8_192)).toBe(46_592)
})
