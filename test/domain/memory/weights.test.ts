import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { weightBytesPerGpu } from '../../../src/domain/memory/weights.js'
import { parallelismProblem } from '../../../src/domain/parallelism.js'
import { alone, anyBackend, anyShape, anyTensor, GIB } from './arbitrary.js'
import { KNOWN } from './shapes.js'

const perGpu = (name: string, parallel: Partial<typeof alone>, backend: 'vllm' | 'sglang' = 'vllm') => {
  const { shape, weightBytes } = KNOWN[name]!
  return weightBytesPerGpu(shape, { weightBytes }, { ...alone, ...parallel }, backend)
}

test('Llama-3.1-405B in fp8 on 8 GPUs takes what vLLM reported for each: 47.78 GiB (vllm-project/vllm#10663)', () => {
  const { shape } = KNOWN['llama405']!
  const tables = 2 * shape.vocab * shape.hidden
  const weightBytes = shape.parameters.total + tables // fp8, and one byte more for what stays 16-bit
  const bytes = weightBytesPerGpu(shape, { weightBytes }, { ...alone, tensor: 8 })
  expect(Math.abs(bytes / GIB / 47.78 - 1)).toBeLessThan(0.01)
})

test('a model on one GPU takes its size on disk, but for the padding of its vocabulary', () => {
  expect(perGpu('llama70', {})).toBe(141.1e9)
  expect(perGpu('qwen7', {})).toBe(15.2e9)
})

test('the down-projections of MLA, norms and routers are on every GPU', () => {
  const { shape, weightBytes } = KNOWN['deepseek']!
  const downProjections = 61 * 7_168 * (1_536 + 512 + 64)
  const eighth = weightBytes / 8
  const bytes = weightBytesPerGpu(shape, { weightBytes }, { ...alone, tensor: 8 })
  expect(bytes).toBeGreaterThan(eighth + (7 / 8) * downProjections * 0.95)
  expect(bytes).toBeLessThan(eighth * 1.02)
})

test('KV heads beyond the number of heads are replicated', () => {
  const keyValue = 94 * 2 * 4_096 * 4 * 128 * 2
  expect(perGpu('qwen235', { tensor: 8 }) - perGpu('qwen235', { tensor: 4 }) / 2).toBeGreaterThan(keyValue / 8)
})

test('experts are spread over the ranks of tensor and data parallelism by vLLM, and the rest is on each', () => {
  const experts = (KNOWN['qwen235']!.shape.parameters.experts * 470e9) / 235e9
  const dense = 470e9 - experts
  const spread = perGpu('qwen235', { tensor: 1, data: 8, expert: true })
  expect(spread).toBeGreaterThan(experts / 8 + dense * 0.9)
  expect(spread).toBeLessThan(experts / 8 + dense * 1.1)
  expect(perGpu('qwen235', { data: 8, expert: true }, 'sglang')).toBe(perGpu('qwen235', {}))
})

test('experts that do not divide evenly: the fullest rank counts', () => {
  expect(perGpu('mixtral', { data: 3, expert: true })).toBeGreaterThan(perGpu('mixtral', { data: 4, expert: true }))
})

test('llama.cpp spreads layers over all its GPUs', () => {
  expect(weightBytesPerGpu(KNOWN['qwen7']!.shape, { weightBytes: 8e9 }, { ...alone, tensor: 4 }, 'llamacpp')).toBe(2e9)
})

test('twice the tensor parallelism or the stages never take more a GPU, and all GPUs together never less than the model', () => {
  fc.assert(
    fc.property(anyShape, anyBackend, anyTensor, fc.boolean(), (shape, backend, tensor, expert) => {
      const variant = { weightBytes: 2 * shape.parameters.total }
      const at = (parallel: Partial<typeof alone>) => {
        const all = { ...alone, expert: expert && shape.experts !== null, ...parallel }
        return parallelismProblem(shape, null, all, backend) === null ? weightBytesPerGpu(shape, variant, all, backend) : null
      }
      const [one, two, stages] = [at({ tensor }), at({ tensor: 2 * tensor }), at({ tensor, pipeline: 2 })]
      if (one === null) return
      expect(Math.max(two ?? 0, stages ?? 0)).toBeLessThanOrEqual(one)
      expect(one * tensor * 1.000001).toBeGreaterThanOrEqual(variant.weightBytes)
    }),
    { numRuns: 500 },
  )
})

test('the first stage of a pipeline has the embedding, the last the head: none has both', () => {
  const { shape, weightBytes } = KNOWN['llama70']!
  const table = 2 * shape.vocab * shape.hidden
  const layers = weightBytes - 2 * table
  expect(perGpu('llama70', { pipeline: 2 })).toBeGreaterThan(layers / 2 + table * 0.99)
  expect(perGpu('llama70', { pipeline: 2 })).toBeLessThan(layers / 2 + table * 1.01)
})
