import { expect, test } from 'vitest'
import type { Dropped } from '../../src/domain/plan.js'
import { groupReasons, noCandidateReasons } from '../../src/domain/plan-reasons.js'
import { aCandidate } from '../support/plans.js'

const dropped = (recipe: string, reason: string, nodes = ['a'], count = nodes.length): Dropped => ({ recipe, nodes, count, reason })

test('what tells most comes first, then what holds for most recipes', () => {
  const list = [
    dropped('one', 'backend vllm was asked for'),
    dropped('two', 'backend vllm was asked for'),
    dropped('three', 'needs MI300A, no node has one'),
    dropped('four', 'tensor parallel 3 does not divide 32 attention heads'),
    dropped('five', 'a context of 9 tokens does not fit'),
    dropped('six', 'a context of 9 tokens does not fit', ['b'], 4),
  ]
  expect(groupReasons(list)).toEqual([
    { reason: 'a context of 9 tokens does not fit', recipes: ['five', 'six'], nodes: ['b'], places: 4 },
    { reason: 'tensor parallel 3 does not divide 32 attention heads', recipes: ['four'], nodes: ['a'], places: 1 },
    { reason: 'needs MI300A, no node has one', recipes: ['three'], nodes: ['a'], places: 1 },
    { reason: 'backend vllm was asked for', recipes: ['one', 'two'], nodes: ['a'], places: 1 },
  ])
})

test('a message has the nearest fallbacks, five reasons with whom they hold for, and how many more there are', () => {
  const reasons = Array.from({ length: 7 }, (_, at) => dropped(`r${at}`, `reason ${at}`, ['a', 'b'], 5))
  const fallback = [{ ...aCandidate(), recipe: 'near', node: 'a', givesUp: '1 GPU instead of 2' }]
  const text = noCandidateReasons({ dropped: [...reasons, dropped('r9', 'reason 0')], fallback })
  expect(text.split('; ')).toEqual([
    'near on a would run (1 GPU instead of 2)',
    'r0 and 1 more on a, b and 3 more: reason 0',
    ...[1, 2, 3, 4].map((at) => `r${at} on a, b and 3 more: reason ${at}`),
    '2 more reasons',
  ])
  expect(noCandidateReasons({ dropped: [], fallback: [] })).toBe('there are no recipes')
})
