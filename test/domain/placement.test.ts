import { expect, test } from 'vitest'
import type { Candidate } from '../../src/domain/plan.js'
import { engineSpec, specFingerprint } from '../../src/domain/placement.js'
import { plan, recipe } from './selection/support.js'

const [candidate] = plan({
  recipes: [recipe('a', 2, { settings: { kvDtype: 'fp8' }, args: { 'block-size': 16 }, env: { A: '1' }, context: 4_096 })],
}).candidates
if (candidate === undefined) throw new Error('no candidate')

test('the engine gets all of the candidate that decides how it runs', () => {
  expect(engineSpec(candidate, 'name', '/models/a', 9_000)).toEqual({
    backend: 'vllm',
    servedName: 'name',
    modelPath: '/models/a',
    context: 4_096,
    port: 9_000,
    gpus: [0, 1],
    needBytes: candidate.fit?.budgetBytes,
    parallel: { tensor: 2, pipeline: 1, data: 1, expert: false },
    settings: { kvDtype: 'fp8' },
    args: { 'block-size': 16 },
    env: { A: '1' },
  })
})

test('a custom command and the one file to load go along', () => {
  expect(engineSpec({ ...candidate, command: ['/bin/serve'], modelFile: 'a.gguf' }, 'name', '/m')).toMatchObject({
    command: ['/bin/serve'],
    modelFile: 'a.gguf',
  })
})

test('what must be free on its GPUs: the share of vLLM and SGLang, of others weights and one request', () => {
  const needOf = (change: Partial<Candidate>) => engineSpec({ ...candidate, ...change }, 'name', '/m').needBytes
  const { fit } = candidate
  if (fit === null) throw new Error('no fit')
  expect(needOf({})).toBe(fit.budgetBytes)
  expect(needOf({ backend: 'sglang' })).toBe(fit.budgetBytes)
  expect(needOf({ backend: 'llamacpp' })).toBe(fit.weightBytes + fit.kvBytesPerSequence)
  expect(needOf({ backend: 'llamacpp', fit: null, weightBytes: 31 })).toBe(16)
  expect(needOf({ fit: null })).toBeUndefined()
  expect(needOf({ gpus: [] })).toBeUndefined()
})

test('what a plan thinks of a candidate makes no other engine of it; what runs and where does', () => {
  const same = specFingerprint(candidate, 'c1')
  const opinion: Partial<Candidate> = {
    score: { total: 1, parts: {} },
    prediction: null,
    cost: null,
    fit: null,
    why: '',
    cached: true,
    changes: ['node'],
  }
  expect(specFingerprint({ ...candidate, ...opinion, weightBytes: 1, linked: null, origin: 'user' }, 'c1')).toBe(same)
  const others: Partial<Candidate>[] = [
    { recipe: 'b' },
    { model: 'org/other' },
    { node: 'n2' },
    { gpus: [2, 3] },
    { context: 8_192 },
    { parallel: { tensor: 1, pipeline: 2, data: 1, expert: false } },
    { settings: {} },
    { args: {} },
    { env: {} },
    { image: 'an/image:1' },
    { command: ['/bin/serve'] },
  ]
  const all = others.map((change) => specFingerprint({ ...candidate, ...change }, 'c1'))
  expect(new Set([same, specFingerprint(candidate, 'c2'), ...all]).size).toBe(others.length + 2)
})

test('a context that only follows from what fits makes no other engine, one that was asked for does', () => {
  const fitted = { ...candidate, contextFrom: 'fit' } as const
  expect(specFingerprint({ ...fitted, context: 8_192 }, 'c1')).toBe(specFingerprint({ ...fitted, context: 9_216 }, 'c1'))
  expect(specFingerprint({ ...candidate, context: 8_192 }, 'c1')).not.toBe(specFingerprint({ ...candidate, context: 9_216 }, 'c1'))
})
