import { expect, test } from 'vitest'
import { EFFICIENCY } from '../../../src/domain/prediction/efficiency.js'
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
/** What 32 layers and so many requests add to a step. */
const overheads = (requests: number) => 32 * EFFICIENCY.layerOverhead + requests * EFFICIENCY.requestOverhead
/** What a prompt computes for between the steps of others: what an answer of one request takes beside its own steps. */
function promptSeconds(change: Partial<RooflineInput>, promptTokens: number): number {
  const { outputTokensPerSecond: all, decodeTokensPerSecond: alone } = at(change, 1, promptTokens)
  return EFFICIENCY.answerTokens * (1 / all - 1 / alone)
}
const tensor = (count: number) => ({ parallel: { ...input.parallel, tensor: count } })

test('one request reads the weights but the embedding table, and its KV cache, once for each token', () => {
  const weights = 16e9 - 2 * 128_256 * 4096
  const kv = 2 * 8 * 128 * 2 * 32 * (1_024 + 512)
  expect(1 / at().decodeTokensPerSecond).toBeCloseTo((weights + kv) / (5e12 * 0.81) + overheads(1), 8)
})

test('a batch shares the weights: more together, fewer for each', () => {
  const [one, many] = [at({}, 1), at({}, 64)]
  expect(many.outputTokensPerSecond).toBeGreaterThan(10 * one.outputTokensPerSecond)
  expect(many.decodeTokensPerSecond).toBeLessThan(one.decodeTokensPerSecond)
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
  const kv = 2 * 8 * 128 * 2 * 32 * (1_024 + 512)
  const routing = 32 * EFFICIENCY.expertOverhead
  expect(step(1)).toBeCloseTo((dense + (routed * 4) / 128 + kv) / (5e12 * 0.81) + overheads(1) + routing, 8)
  const touched = 1 - (1 - 4 / 128) ** 64
  const prompts = (63 / 1_024) * promptSeconds({ shape, variant }, 1_024)
  expect(step(64)).toBeCloseTo((dense + routed * touched + 64 * kv) / (5e12 * 0.81) + overheads(64) + routing + prompts, 8)
})

test('windowed layers read their window only, fp8 keys and values half, and a partition has its share of the card', () => {
  const long = (change: Partial<RooflineInput>) => at(change, 64, 16_384).decodeTokensPerSecond
  expect(long({ shape: { ...SHAPE, windowed: { kind: 'sliding', layers: 16, window: 128 } } })).toBeGreaterThan(long({}))
  expect(long({ kvBytesPerElement: 1 })).toBeGreaterThan(long({}))
  const gpuSeconds = (change: Partial<RooflineInput>) => 1 / at(change).decodeTokensPerSecond - overheads(1)
  expect(gpuSeconds({ share: 1 / 8 })).toBeCloseTo(8 * gpuSeconds({}), 8)
})

test('a long prompt costs more than in proportion, and the weights at least once', () => {
  const [short, long] = [promptSeconds({}, 4_096), promptSeconds({}, 32_768)]
  expect(long).toBeGreaterThan(8 * short)
  const layers = 32 * EFFICIENCY.layerOverhead
  expect(at({}, 1, 1).ttftMs).toBeCloseTo((16e9 / (5e12 * 0.81) + layers + EFFICIENCY.firstTokenOverhead) * 1000, 6)
})

test('requests compute their prompts between the steps of the others: long prompts with short answers slow all of them', () => {
  const rate = (promptTokens: number, outputTokens: number) => roofline(input, { concurrency: 16, promptTokens, outputTokens })
  const [long, short] = [rate(8_192, 1_024), rate(8_192, 128)]
  expect(short?.outputTokensPerSecond).toBeLessThan((long?.outputTokensPerSecond ?? 0) / 2)
  expect(short?.outputTokensPerSecond).toBeLessThan(16 * (short?.decodeTokensPerSecond ?? 0))
  expect(1 / (short?.outputTokensPerSecond ?? 0)).toBeGreaterThan(promptSeconds({}, 8_192) / 128)
})

test('replicas share the requests, not the time: two of them with twice the requests answer twice as much', () => {
  const [one, two] = [at({}, 16), at({ parallel: { ...input.parallel, data: 2 } }, 32)]
  expect(two.outputTokensPerSecond).toBeCloseTo(2 * one.outputTokensPerSecond, 6)
  expect(two.ttftMs).toBe(one.ttftMs)
})

test('a pipeline does not make one token faster, and computes no token twice', () => {
  const pipeline = { parallel: { ...input.parallel, pipeline: 4 } }
  expect(at(pipeline).decodeTokensPerSecond).toBeCloseTo(at().decodeTokensPerSecond, 6)
  const [one, four] = [at({}, 4_096, 16), at(pipeline, 4_096, 16)]
  expect(four.outputTokensPerSecond).toBeGreaterThan(one.outputTokensPerSecond)
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
