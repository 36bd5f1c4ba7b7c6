import { expect, test } from 'vitest'
import { plainPaint } from '../../../src/cli/output/style.js'
import { troubleText, type Trouble } from '../../../src/cli/views/trouble.js'

const view = { paint: plainPaint, wide: false, width: null, time: 'iso', now: 0 } as const
const WELL: NonNullable<Trouble['now']> = { phase: 'serving', reason: null, presence: 'ready', restarts: 0, healing: [], next: null }
const told = (change: Partial<typeof WELL>) => troubleText({ now: { ...WELL, ...change }, attempts: [], failed: null }, view)

test('nothing is told of an endpoint that is well', () => {
  expect(told({})).toBe('')
  expect(troubleText({ now: null, attempts: [], failed: null }, view)).toBe('')
})

test.each([
  [
    'its node does not answer',
    { presence: 'unknown', reason: 'node gpu-7 does not answer' } as const,
    /what is wrong +node gpu-7 does not/,
  ],
  ['it cannot leave its node', { next: 'chat was deployed for node gpu-7 alone' }, /next +chat was deployed for node gpu-7 alone/],
  [
    'it was started again',
    { healing: [{ at: '2026-01-01T00:00:00Z', did: 'restart', why: 'engine exited', outcome: 'done', detail: '' } as const] },
    /engine exited/,
  ],
])('one that serves tells that %s', (_, change, words) => {
  expect(told(change)).toMatch(words)
  expect(told(change)).toMatch(/^state +serving$/m)
})
