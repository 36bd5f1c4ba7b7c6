import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { layersPerStage, parallelismProblem } from '../../src/domain/parallelism.js'
import { alone, anyBackend, anyShape } from './memory/arbitrary.js'
import { KNOWN } from './memory/shapes.js'

const shapeOf = (name: string) => KNOWN[name]!.shape

test('28 heads run on 1, 2 and 4 GPUs, and not on 8', () => {
  const problem = (tensor: number) => parallelismProblem(shapeOf('qwen7'), null, { ...alone, tensor }, 'vllm')
  expect([1, 2, 4].map(problem)).toEqual([null, null, null])
  expect(problem(8)).toBe('tensor parallel 8 does not divide 28 attention heads')
  expect(problem(7)).toBe('tensor parallel 7 neither divides 4 KV heads nor is a multiple of them')
})

test('whatever is allowed divides the heads', () => {
  fc.assert(
    fc.property(anyShape, anyBackend, fc.integer({ min: 1, max: 16 }), (shape, backend, tensor) => {
      if (parallelismProblem(shape, null, { ...alone, tensor }, backend) !== null) return
      expect(shape.attention.heads % tensor).toBe(0)
    }),
  )
})

test('fp8 experts in blocks of 128 may be cut to whole blocks only, and spread freely', () => {
  const problem = (tensor: number, expert: boolean) => parallelismProblem(shapeOf('qwen235'), 128, { ...alone, tensor, expert }, 'vllm')
  expect([problem(2, false), problem(4, false), problem(8, true)]).toEqual([null, null, null])
  expect(problem(8, false)).toBe('8 GPUs cut the expert width 1536 to 192, not a multiple of the 128-wide blocks of its scales')
})

test('data parallelism of vLLM cuts experts further, that of SGLang does not', () => {
  const parallel = { ...alone, tensor: 4, data: 2 }
  expect(parallelismProblem(shapeOf('qwen235'), 128, parallel, 'vllm')).toContain('8 GPUs cut the expert width')
  expect(parallelismProblem(shapeOf('qwen235'), 128, parallel, 'sglang')).toBeNull()
})

test('DeepSeek-V3 in fp8 runs on 8 GPUs either way', () => {
  for (const expert of [false, true]) {
    expect(parallelismProblem(shapeOf('deepseek'), 128, { ...alone, tensor: 8, expert }, 'vllm')).toBeNull()
  }
})

test('what is missing or too few is named', () => {
  expect(parallelismProblem(shapeOf('qwen8'), null, { ...alone, tensor: 2, expert: true }, 'vllm')).toBe(
    'expert parallel needs a model with routed experts',
  )
  expect(parallelismProblem(shapeOf('qwen8'), null, { ...alone, pipeline: 40 }, 'sglang')).toBe(
    'pipeline parallel 40 is more than the 36 layers',
  )
  expect(parallelismProblem(shapeOf('mixtral'), null, { ...alone, tensor: 8, data: 2, expert: true }, 'vllm')).toBe(
    'expert parallel over 16 GPUs is more than the 8 experts',
  )
})

test('llama.cpp and custom commands are not judged', () => {
  expect(parallelismProblem(shapeOf('qwen7'), null, { ...alone, tensor: 8 }, 'llamacpp')).toBeNull()
  expect(parallelismProblem(shapeOf('qwen7'), null, { ...alone, tensor: 8 }, 'custom')).toBeNull()
})

test('the fullest stage of a pipeline has all layers that are left over', () => {
  expect([layersPerStage(61, 2), layersPerStage(60, 2), layersPerStage(0, 2)]).toEqual([31, 30, 0])
})
