import { expect, test } from 'vitest'
import { otherVersions } from '../../../src/domain/selection/versions.js'
import { node, plan, recipe } from './support.js'

const withVllm = (nodeId: string, version: string) => node(nodeId, { backends: [{ backend: 'vllm', ready: true, version }] })
const placed = (...nodes: string[]) => nodes.map((id) => ({ backend: 'vllm' as const, version: '0.32.0', node: id }))

test.each([
  ['0.9.1', ['vllm 0.9.1 on node n1: recipes are checked for 0.32.0; flags may be unknown to it']],
  ['0.33.0+rocm', ['vllm 0.33.0+rocm on node n1: recipes are checked for 0.32.0; flags may be unknown to it']],
  ['0.32.7', []],
  ['0.32.0+cpu', []],
  ['v0.32', []],
  ['assumed', []],
  ['unknown', []],
])('a node with vLLM %s', (version, lines) => {
  expect(otherVersions(placed('n1'), [withVllm('n1', version)])).toEqual(lines)
})

test('nodes with the same version share a line, and the first three are named', () => {
  const ids = ['n1', 'n2', 'n3', 'n4', 'n5']
  const nodes = ids.map((id) => withVllm(id, '0.9.1'))
  expect(otherVersions(placed(...ids, 'n1'), nodes)).toEqual([
    'vllm 0.9.1 on nodes n1, n2, n3 and 2 more: recipes are checked for 0.32.0; flags may be unknown to it',
  ])
})

test('the plan says so of its own placements, and drops nothing for it', () => {
  const nodes = [withVllm('n1', '0.9.1')]
  const lines = (version: string | null) => {
    const { candidates, assumed } = plan({ nodes, recipes: [recipe('a', 1, { version })] })
    return [candidates.length, assumed.filter((line) => line.startsWith('vllm'))]
  }
  expect(lines('0.32.0')).toEqual([1, ['vllm 0.9.1 on node n1: recipes are checked for 0.32.0; flags may be unknown to it']])
  expect(lines(null)).toEqual([1, []])
})
