import { expect, test } from 'vitest'
import { computePrecision, roofline, type RooflineInput } from '../../../src/domain/prediction/roofline.js'
import { BIG, SHAPE, card } from '../selection/support.js'

const input: RooflineInput = {
  shape: SHAPE,
  variant: { weightBytes: 16e9, precision: 'bf16' },
  card: BIG,
  share: 1,
  parallel: { tensor: 1, pipeline: 1, data: 1, expert: false },
  kvBytesPerElement: 2,
}
const at = (change: Partial<RooflineInput> = {}, concurrency = 1, promptTokens = 1_024) => {
  const speed = roofline({ ...input, ...change }, { concurrency, promptTokens })
  if (speed === null) throw new Error('no prediction')
  return speed
}
const tensor = (count: number) => ({ parallel: { ...input.parallel, tensor: count } })

test('one request reads the weights but the embedding table, and its KV cache, once for each token', () => {
  const weights = 16e9 - 2 * 128_256 * 4096
  const kv = 2 * 8 * 128 * 2 * 32 * 1_024
  expect(1 / at().decodeTokensPerSecond).toBeCloseTo((weights + kv) / (5e12 * 0.81) + 1e-3, 8)
})

test('a batch shares the weights: more together, fewer for each', () => {
  const [one, many] = [at({}, 1), at({}, 64)]
  expect(many.outputTokensPerSecond).toBeGreaterThan(20 * one.outputTokensPerSecond)
  expect(many.decodeTokensPerSecond).toBeLessThan(one.decodeTokensPerSecond)
  expect(many.outputTokensPerSecond).toBeCloseTo(64 * many.decodeTokensPerSecond, 6)
})

test('more GPUs are faster, but less than in proportion, as they must agree', () => {
  const [one, two, eight] = [1, 2, 8].map((count) => at(tensor(count), 16))
  expect(two?.decodeTokensPerSecond).toBeGreaterThan(one?.decodeTokensPerSecond ?? 0)
  expect(eight?.decodeTokensPerSecond).toBeLessThan(8 * (one?.decodeTokensPerSecond ?? 0))
  const slow = at({ ...tensor(8), card: { ...BIG, linkBandwidth: null } }, 256)
  expect(slow.decodeTokensPerSecond).toBeLessThan(at(tensor(8), 256).decodeTokensPerSecond)
})

test('few tokens touch few experts: a mixture of experts is fast for one request, and reads nearly all for many', () => {
  const shape = {
    ...SHAPE,
    experts: { total: 128, perToken: 4, layers: 32, intermediate: 2880 },
    parameters: { total: 120e9, active: 5e9, experts: 116e9 },
  }
  const variant = { weightBytes: 60e9, precision: 'mxfp4' as const }
  const step = (concurrency: number) => 1 / at({ shape, variant }, concurrency).decodeTokensPerSecond
  const [dense, routed] = [(120e9 - 116e9 - 128_256 * 4096) / 2, 116e9 / 2]
  const kv = 2 * 8 * 128 * 2 * 32 * 1_024
  expect(step(1)).toBeCloseTo((dense + (routed * 4) / 128 + kv) / (5e12 * 0.81) + 1e-3, 8)
  const touched = 1 - (1 - 4 / 128) ** 64
  expect(step(64)).toBeCloseTo((dense + routed * touched + 64 * kv) / (5e12 * 0.81) + 1e-3, 8)
})

test('windowed layers read their window only, fp8 keys and values half, and a partition has its share of the card', () => {
  const long = (change: Partial<RooflineInput>) => at(change, 64, 16_384).decodeTokensPerSecond
  expect(long({ shape: { ...SHAPE, windowed: { kind: 'sliding', layers: 16, window: 128 } } })).toBeGreaterThan(long({}))
  expect(long({ kvBytesPerElement: 1 })).toBeGreaterThan(long({}))
  expect(at({ share: 1 / 8 }).decodeTokensPerSecond).toBeLessThan(at().decodeTokensPerSecond / 6)
})

test('a long prompt costs more than in proportion, and the weights at least once', () => {
  const [short, long] = [at({}, 1, 4_096), at({}, 1, 32_768)]
  expect(long.ttftMs).toBeGreaterThan(8 * short.ttftMs)
  expect(at({}, 1, 1).ttftMs).toBeCloseTo((16e9 / (5e12 * 0.81) + 1e-3) * 1000, 6)
})

test('the precision decides which rate computes', () => {
  expect(computePrecision({ mxfp4: false }, 'mxfp4')).toBe('bf16')
  expect(computePrecision({ mxfp4: true }, 'mxfp4')).toBe('mxfp4')
  expect(computePrecision({ mxfp4: true }, 'int4')).toBe('bf16')
  const fp8 = { variant: { weightBytes: 8e9, precision: 'fp8' as const } }
  expect(at(fp8, 1, 32_768).ttftMs).toBeLessThan(at({}, 1, 32_768).ttftMs)
})

test('nothing is predicted for a card without bandwidth, or without a rate for the precision', () => {
  const work = { concurrency: 1, promptTokens: 100 }
  expect(roofline({ ...input, card: card('x', { bandwidth: null }) }, work)).toBeNull()
  expect(roofline({ ...input, card: card('x', { flops: {} }) }, work)).toBeNull()
  expect(
    roofline({ ...input, card: card('x', { flops: { bf16: 1e15 } }), variant: { weightBytes: 8e9, precision: 'fp8' } }, work),
  ).toBeNull()
})
