import { expect, test } from 'vitest'
import { nearNames } from '../../src/domain/near-names.js'

const NAMES = [
  'any/vllm-cpu',
  'derived/org/name/mi300x-1-fp8-vllm-latency',
  'derived/org/name/mi300x-1-fp8-vllm-throughput',
  'mine',
  'other',
]

test('the end of a long name finds it, misspelt or not', () => {
  expect(nearNames('mi300x-1-fp8-vllm-latency', NAMES)[0]).toBe(NAMES[1])
  expect(nearNames('MI300X-1-fp8-vllm-thruput', NAMES)[0]).toBe(NAMES[2])
})

test('three are offered at most, each once, however far, and in an order that does not depend on that of the names', () => {
  expect(nearNames('zzz', [...NAMES, ...NAMES])).toEqual(['mine', 'other', 'any/vllm-cpu'])
  expect(nearNames('zzz', NAMES.toReversed())).toEqual(['mine', 'other', 'any/vllm-cpu'])
  expect(nearNames('mine', [])).toEqual([])
})
