import { expect, test } from 'vitest'
import { GIB, gpus, node, plan, recipe } from './support.js'

const taken = (count: number, nodes: ReturnType<typeof node>[], change = {}) => {
  const [first] = plan({ recipes: [recipe('a', count, change)], nodes }).candidates
  return first && { node: first.node, gpus: first.gpus, linked: first.linked }
}

test('idle GPUs are taken from the lowest index, whatever order the driver lists them in', () => {
  const noisy = gpus(8, (index) => ({ vramFreeBytes: 191 * GIB + (8 - index) * 1e6 })).toReversed()
  expect(taken(2, [node('n1', { gpus: noisy })])).toEqual({ node: 'n1', gpus: [0, 1], linked: true })
})

test('the smallest hive that is large enough is taken, so that the large one stays whole', () => {
  const hives = gpus(8, (index) => ({ hive: index < 6 ? 'large' : 'small' }))
  expect(taken(2, [node('n1', { gpus: hives })])).toEqual({ node: 'n1', gpus: [6, 7], linked: true })
})

test('a tensor-parallel group never crosses hives; pipeline stages may, and the plan shows that', () => {
  const halves = [node('n1', { gpus: gpus(8, (index) => ({ hive: index % 2 === 0 ? 'even' : 'odd' })) })]
  expect(taken(8, halves)).toBeUndefined()
  const staged = { parallel: { tensor: 4, pipeline: 2, data: 1, expert: false } }
  expect(taken(8, halves, staged)).toEqual({ node: 'n1', gpus: [0, 2, 4, 6, 1, 3, 5, 7], linked: false })
})

test('without a hive nothing is claimed of the links', () => {
  expect(taken(2, [node('n1', { gpus: gpus(2, () => ({ hive: null })) })])?.linked).toBeNull()
})

test('the node that is used already is filled up before an empty one is begun', () => {
  const half = node('used', { gpus: gpus(8, (index) => ({ vramFreeBytes: index < 6 ? 10 * GIB : 191 * GIB })) })
  expect(taken(2, [node('empty'), half])).toMatchObject({ node: 'used', gpus: [6, 7] })
})

test('a node that has the weights comes before a tighter one, and equal nodes go by name', () => {
  const half = node('b', { gpus: gpus(4) })
  expect(taken(1, [node('a', { cachedModels: ['org/model'] }), half])).toMatchObject({ node: 'a' })
  expect(taken(1, [node('z'), node('c'), node('d')])).toMatchObject({ node: 'c' })
})
