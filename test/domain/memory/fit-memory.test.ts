import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitMemory, type FitInput } from '../../../src/domain/memory/fit-memory.js'
import { fitProblem } from '../../../src/domain/memory/fit-problem.js'
import { parallelismProblem } from '../../../src/domain/parallelism.js'
import { alone, anyBackend, anyShape, anyTensor, GIB } from './arbitrary.js'
import { KNOWN } from './shapes.js'

const MI300X = 192 * GIB
const MI210 = 64 * GIB

function input(name: string, change: Partial<FitInput> & { tensor?: number } = {}): FitInput {
  const { shape, weightBytes } = KNOWN[name]!
  const { tensor = 1, ...rest } = change
  const parallel = { ...alone, tensor }
  return { shape, variant: { weightBytes, precision: 'bf16' }, backend: 'vllm', parallel, settings: {}, gpuTotalBytes: MI300X, ...rest }
}

test('vLLM: the parts add up to a share of the whole memory', () => {
  const fit = fitMemory(input('llama70'))
  expect(fit.budgetBytes).toBe(Math.ceil(0.92 * MI300X))
  expect(fit.weightBytes + fit.activationBytes + fit.graphBytes + fit.reserveBytes + fit.kvBytes).toBe(fit.budgetBytes)
  expect(fit.activationBytes + fit.graphBytes + fit.reserveBytes).toBe(6 * GIB)
  expect(fit.kvBytes / GIB).toBeCloseTo(0.92 * 192 - 6 - 141.1e9 / GIB, 3)
  expect(fit.maxContext).toBe(Math.floor(fit.kvBytes / (327_680 * 16)) * 16 - 16)
  expect(fitMemory(input('llama70', { settings: { memoryFraction: 0.95 } })).budgetBytes).toBe(Math.ceil(0.95 * MI300X))
})

test('several GPUs set 8 GiB aside', () => {
  const fit = fitMemory(input('llama70', { tensor: 8 }))
  expect(fit.activationBytes + fit.graphBytes + fit.reserveBytes).toBe(8 * GIB)
})

test('a step that needs more than the start rule is counted in full', () => {
  const fit = fitMemory(input('llama405', { tensor: 8, settings: { maxBatchedTokens: 131_072 } }))
  expect(fit.activationBytes).toBeGreaterThan(8 * GIB)
  expect(fit.reserveBytes).toBe(GIB / 2)
})

test('the peak of a step: hidden state, residual, and the widest part of a layer', () => {
  const { activationBytes } = fitMemory(input('llama70', { settings: { maxBatchedTokens: 8_192, maxSequences: 64 } }))
  expect(activationBytes).toBe(8_192 * 2 * (2 * 8_192 + 3 * 28_672 + 8_192))
})

test('the peak of a small model are the logits of all its sequences', () => {
  const { activationBytes } = fitMemory(input('qwen8', { tensor: 8, settings: { maxBatchedTokens: 1_024, maxSequences: 1_024 } }))
  expect(activationBytes).toBe(1_024 * 151_936 * 10)
})

test.each([
  [MI300X, 1, {}, 0.867], // 512 + 1.5 x 16384 + 128 + 2 x 512 MiB outside
  [MI300X, 8, {}, 0.862],
  [MI300X, 1, { maxBatchedTokens: 2_048, graphs: false }, 0.948], // never less than 10 GiB outside
  [MI210, 1, {}, 0.795], // 512 + 1.5 x 8192 + 128 + 2 x 256
  [48 * GIB, 1, {}, 0.861], // 512 + 1.5 x 4096 + 128 + 2 x 32 and no least
])('SGLang on %d bytes with TP%d and %o takes %d for weights and KV cache', (gpuTotalBytes, tensor, settings, fraction) => {
  const fit = fitMemory(input('qwen8', { backend: 'sglang', gpuTotalBytes, tensor, settings }))
  expect(fit.budgetBytes).toBe(Math.floor(gpuTotalBytes * fraction))
  expect(fit.kvBytes).toBe(fit.budgetBytes - fit.weightBytes)
  expect(fit.activationBytes + fit.graphBytes + fit.reserveBytes).toBe(gpuTotalBytes - fit.budgetBytes)
})

test('without a context, as long as fits and at most what the model knows', () => {
  expect(fitMemory(input('qwen8'))).toMatchObject({ context: 40_960, maxContext: 40_960 })
  const tight = fitMemory(input('llama70', { settings: { memoryFraction: 0.75 } }))
  expect(tight.context).toBe(tight.maxContext)
  expect(tight.context).toBeLessThan(131_072)
  expect(tight.context % 16).toBe(0)
  expect(tight.maxConcurrency).toBe(1)
})

test('what does not fit says by how much', () => {
  expect(fitProblem(fitMemory(input('llama70')))).toBeNull()
  expect(fitProblem(fitMemory(input('llama405', { tensor: 4 })))).toBe(
    'weights of 189.0 GiB a GPU are more than the 176.6 GiB that the engine may take',
  )
  expect(fitProblem(fitMemory(input('llama70', { settings: { memoryFraction: 0.7 } })))).toMatch(
    /^weights of 131\.4 GiB a GPU and what runs beside them leave no KV cache of 134\.4 GiB$/,
  )
  expect(fitProblem(fitMemory(input('llama70', { settings: { memoryFraction: 0.75 }, context: 131_072 })))).toMatch(
    /^a context of 131072 tokens needs 40\.0 GiB of KV cache a GPU, and 6\.\d GiB are left; \d+ tokens would fit$/,
  )
  expect(fitProblem(fitMemory(input('qwen8', { context: 50_000 })))).toBe(
    'a context of 50000 tokens is more than the longest that runs, 40960',
  )
})

test('an fp8 cache holds twice the sequences; weights in system memory leave room', () => {
  const half = fitMemory(input('llama70', { context: 32_768, settings: { kvDtype: 'fp8' } }))
  const whole = fitMemory(input('llama70', { context: 32_768 }))
  expect(half.kvBytesPerSequence * 2).toBe(whole.kvBytesPerSequence)
  expect(half.maxConcurrency).toBeGreaterThanOrEqual(2 * whole.maxConcurrency)
  expect(fitMemory(input('llama70', { settings: { weightOffloadBytes: 20e9 } })).kvBytes - whole.kvBytes).toBe(20e9)
})

test('each replica of data parallelism has a cache of its own', () => {
  const one = fitMemory(input('qwen8', { context: 32_768 }))
  const four = fitMemory(input('qwen8', { context: 32_768, parallel: { ...alone, data: 4 } }))
  expect(four.kvBytes).toBe(one.kvBytes)
  expect(four.maxConcurrency).toBe(4 * one.maxConcurrency)
})

test('what an engine reported replaces the computed cache, and is never more than the budget leaves beside the weights', () => {
  const told = (kvBytesPerGpu: number) => fitMemory(input('llama70', { measured: { kvBytesPerGpu } }))
  expect(told(33 * GIB)).toMatchObject({ basis: 'measured', kvBytes: 33 * GIB })
  const tooMuch = told(500 * GIB)
  expect(tooMuch.kvBytes).toBe(tooMuch.budgetBytes - tooMuch.weightBytes)
})

test('weights above the budget do not fit, whatever another engine reported', () => {
  const fit = fitMemory(input('llama70', { gpuTotalBytes: 100 * GIB, measured: { kvBytesPerGpu: 40 * GIB } }))
  expect(fit.kvBytes).toBeLessThan(0)
  expect(fit.maxContext).toBe(0)
})

test('llama.cpp and custom commands: weights and cache in the given memory', () => {
  for (const backend of ['llamacpp', 'custom'] as const) {
    const fit = fitMemory(input('qwen7', { backend, context: 4_096, gpuTotalBytes: 24 * GIB }))
    expect(fit).toMatchObject({
      budgetBytes: 24 * GIB,
      weightBytes: 15.2e9,
      kvBytes: 24 * GIB - 15.2e9,
      kvBytesPerSequence: 4_096 * 57_344,
    })
  }
})

test('twice the tensor parallelism never needs more of a GPU, a longer context never less', () => {
  fc.assert(
    fc.property(
      anyShape,
      anyBackend,
      anyTensor,
      fc.boolean(),
      fc.integer({ min: 1, max: 200_000 }),
      fc.integer({ min: 1, max: 200_000 }),
      (shape, backend, tensor, expert, one, other) => {
        const variant = { weightBytes: 2 * shape.parameters.total, precision: 'bf16' as const }
        const need = (tensorParallel: number, context: number) => {
          const parallel = { ...alone, tensor: tensorParallel, expert: expert && shape.experts !== null }
          if (parallelismProblem(shape, null, parallel, backend) !== null) return null
          const fit = fitMemory({ shape, variant, backend, parallel, settings: {}, gpuTotalBytes: MI300X, context })
          // SGLang sets its share aside whatever the model needs of it.
          const beside = backend === 'vllm' ? fit.activationBytes + fit.graphBytes + fit.reserveBytes : fit.activationBytes
          return fit.weightBytes + fit.kvBytesPerSequence + beside
        }
        const here = need(tensor, one)
        const wider = need(2 * tensor, one)
        if (here === null) return
        expect(wider ?? 0).toBeLessThanOrEqual(here)
        expect(need(tensor, Math.max(one, other))).toBeGreaterThanOrEqual(here)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('the longest context fits, and so do as many as it says', () => {
  fc.assert(
    fc.property(anyShape, anyBackend, anyTensor, fc.integer({ min: 8, max: 288 }), (shape, backend, tensor, memory) => {
      const variant = { weightBytes: 2 * shape.parameters.total, precision: 'bf16' as const }
      const all = { shape, variant, backend, parallel: { ...alone, tensor }, settings: {}, gpuTotalBytes: memory * GIB }
      const fit = fitMemory(all)
      const fits = fit.maxContext > 0
      expect(fitProblem(fit) === null).toBe(fits)
      expect(fit.maxConcurrency > 0).toBe(fits)
      expect(fit.maxContext).toBeLessThanOrEqual(shape.maxContext)
      expect(fit.kvBytesPerSequence * fit.maxConcurrency).toBeLessThanOrEqual(Math.max(0, fit.kvBytes) * (1 + 1e-12))
      expect(fitMemory({ ...all, context: fit.context })).toEqual(fit)
    }),
    { numRuns: 500 },
  )
})

test('a fit takes microseconds', () => {
  const inputs = Object.keys(KNOWN).map((name) => input(name, { tensor: 4, context: 8_192 }))
  const run = (rounds: number) => {
    const start = performance.now()
    for (let round = 0; round < rounds; round++) for (const each of inputs) fitMemory(each)
    return ((performance.now() - start) * 1_000) / (rounds * inputs.length)
  }
  run(2_000)
  expect(Math.min(run(1_000), run(1_000), run(1_000))).toBeLessThan(20)
})

test('SGLang sets memory aside for every GPU of a replica, whether layers are cut or dealt', () => {
  const mi210 = { backend: 'sglang', gpuTotalBytes: MI210 - 8 * GIB } as const
  const budget = (tensor: number, pipeline: number) =>
    fitMemory(input('qwen8', { ...mi210, parallel: { ...alone, tensor, pipeline } })).budgetBytes
  expect(budget(1, 8)).toBeLessThan(budget(1, 1))
  expect(budget(1, 2)).toBe(budget(2, 1))
})

test('vLLM without chunks takes a whole prompt as one step, never less than its own step', () => {
  const peak = (context: number) => fitMemory(input('qwen8', { context, settings: { chunkedPrefill: false } })).activationBytes
  const chunked = fitMemory(input('qwen8', { context: 32_768 })).activationBytes
  expect(peak(32_768)).toBeGreaterThan(1.9 * chunked)
  expect(peak(1_024)).toBe(chunked)
})

test('data parallelism of vLLM brings the tokens of all its ranks to the experts, that of SGLang does not', () => {
  const peak = (backend: 'vllm' | 'sglang', data: number) =>
    fitMemory(input('qwen235', { backend, parallel: { ...alone, tensor: 2, data, expert: true }, settings: { maxBatchedTokens: 8_192 } }))
      .activationBytes
  expect(peak('vllm', 4)).toBeGreaterThan(3 * peak('vllm', 1))
  expect(peak('sglang', 4)).toBe(peak('sglang', 1))
})
