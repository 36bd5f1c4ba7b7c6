import { expect, test } from 'vitest'
import { defaultImage } from '../../src/engines/index.js'

test('vLLM publishes an image of every version', () => {
  expect(defaultImage('vllm', '0.32.0')).toBe('vllm/vllm-openai-rocm:v0.32.0')
})

test('an image of AMD goes before it where there is one of that version', () => {
  expect(defaultImage('vllm', '0.23.0')).toMatch(/^rocm\/vllm:rocm7\.14\.0.*_vllm_0\.23\.0$/)
  expect(defaultImage('sglang', '0.5.13.post1')).toMatch(/^rocm\/sgl-dev:v0\.5\.13\.post1-/)
})

test('none is made up', () => {
  expect(defaultImage('sglang', '0.5.23')).toBeNull()
  expect(defaultImage('vllm', null)).toBeNull()
  expect(defaultImage('llamacpp', '3.22.1')).toBeNull()
  expect(defaultImage('custom', '1')).toBeNull()
})
