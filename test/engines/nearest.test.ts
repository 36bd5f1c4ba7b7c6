import { expect, test } from 'vitest'
import { nearest } from '../../src/engines/nearest.js'

const NAMES = ['max-num-seqs', 'max-model-len', 'enable-prefix-caching', 'seed']

test.each([
  ['max-num-seq', 'max-num-seqs'],
  ['MAX_NUM_SEQS', 'max-num-seqs'],
  ['num-max-seqs', 'max-num-seqs'],
  ['enable-prefix-cache', 'enable-prefix-caching'],
  ['sed', 'seed'],
])('%s is probably %s', (wrong, right) => {
  expect(nearest(wrong, NAMES)).toBe(right)
})

test('nothing is near when more than a third is different', () => {
  expect(nearest('block-size', NAMES)).toBeNull()
  expect(nearest('', NAMES)).toBeNull()
  expect(nearest('seed', [])).toBeNull()
})

test('of equally near ones it is the first', () => {
  expect(nearest('abcx', ['abcd', 'abce'])).toBe('abcd')
})
