import { expect, test } from 'vitest'
import { BIG, card, facts, GIB, gpus, node, plan, reasons, recipe, variant } from './support.js'

const OTHER = card('MI325X', { vramBytes: 256 * GIB })
const both = facts({ variants: [variant('org/model'), variant('org/model-fp8', { precision: 'fp8', weightBytes: 8e9 })] })
const fp8 = (id: string, change = {}) => recipe(id, 1, { model: 'org/model-fp8', precision: 'fp8', ...change })

test('another precision of the model is a fallback that says so, and with allowed precisions a candidate or nothing', () => {
  const recipes = [recipe('bf16', 1), fp8('fp8')]
  const made = plan({ model: both, recipes })
  expect(made.candidates.map((candidate) => candidate.recipe)).toEqual(['bf16'])
  expect(made.fallback).toMatchObject([
    { recipe: 'fp8', model: 'org/model-fp8', changes: ['precision'], givesUp: 'fp8 weights of org/model-fp8 instead of org/model (bf16)' },
  ])
  const allowed = plan({ model: both, recipes, requirements: { precisions: ['fp8'] } })
  expect(allowed).toMatchObject({ candidates: [{ recipe: 'fp8' }], fallback: [] })
  expect(plan({ model: both, recipes, requirements: { precisions: ['bf16'] } })).toMatchObject({
    candidates: [{ recipe: 'bf16' }],
    fallback: [],
  })
})

test('the ladder: fewer GPUs, another precision, another backend, other hardware', () => {
  const nodes = [
    node('n1'),
    node('n2', { gpus: gpus(8, () => ({ model: OTHER.name, vramTotalBytes: 256 * GIB, vramFreeBytes: 256 * GIB })) }),
  ]
  const recipes = [
    recipe('first', 2),
    recipe('fewer', 1),
    recipe('precision', 2, { model: 'org/model-fp8', precision: 'fp8' }),
    recipe('backend', 2, { model: 'org/model-fp8', precision: 'fp8', backend: 'sglang' }),
    recipe('hardware', 2, { model: 'org/model-fp8', precision: 'fp8', hardware: { kind: 'gpu', count: 2, cards: [OTHER.name] } }),
  ]
  const made = plan({ model: both, nodes, recipes, hardware: [BIG, OTHER], requirements: { gpuCount: 2 } })
  expect(made.candidates.map((candidate) => candidate.recipe)).toEqual(['first'])
  expect(made.fallback.map((entry) => [entry.recipe, entry.changes.at(-1)])).toEqual([
    ['fewer', 'fewer GPUs'],
    ['precision', 'precision'],
    ['backend', 'backend'],
    ['hardware', 'hardware'],
  ])
  expect(made.fallback[0]?.givesUp).toBe('1 GPU instead of 2')
})

test('a context or concurrency that does not fit is a fallback with what fits instead', () => {
  const tight = facts({ variants: [variant('org/model', { weightBytes: 168e9 })] })
  const long = plan({ model: tight, recipes: [recipe('a', 1)], requirements: { context: 100_000 } })
  expect(long.candidates).toEqual([])
  expect(long.fallback).toMatchObject([
    { recipe: 'a', givesUp: expect.stringMatching(/^a context of \d+ instead of 100000 tokens$/), changes: ['settings'] },
  ])
  expect(long.fallback[0]?.context).toBe(Number(long.fallback[0]?.givesUp.split(' ')[3]))
  const many = plan({ recipes: [recipe('a', 1, { settings: { maxSequences: 4 } })], requirements: { concurrency: 64, context: 1_024 } })
  expect(many.fallback).toMatchObject([{ givesUp: '4 instead of 64 requests of 1024 tokens at the same time' }])
})

test('a concurrency that nobody asked for drops nothing', () => {
  expect(plan({ recipes: [recipe('a', 1, { settings: { maxSequences: 2 } })] }).candidates).toMatchObject([
    { prediction: { concurrency: 2 } },
  ])
})

test('hard limits hold for fallbacks too', () => {
  const recipes = [recipe('a', 1), fp8('node', {}), fp8('remote', { settings: { trustRemoteCode: true } })]
  const requirements = { node: 'n1', maxPricePerHour: 3, backends: ['vllm' as const] }
  const prices = { currency: 'EUR', perGpuHour: { [BIG.name]: 2 } }
  const made = plan({
    model: both,
    recipes: [...recipes, fp8('sglang', { backend: 'sglang' })],
    nodes: [node('n1'), node('n2')],
    requirements,
    prices,
  })
  expect(made.fallback.map((entry) => [entry.recipe, entry.node])).toEqual([['node', 'n1']])
  expect(plan({ model: both, recipes, requirements: { recipe: 'a' } }).fallback).toEqual([])
  expect(plan({ model: both, recipes, requirements: { ...requirements, maxPricePerHour: 1 }, prices }).fallback).toEqual([])
})

test('at most eight are kept, and what is left out has its reason', () => {
  const counts = [1, 2, 4, 8]
  const recipes = counts.flatMap((count) =>
    (['vllm', 'sglang'] as const).flatMap((backend) =>
      [1, 2].map((copy) => recipe(`fp8-${backend}-${count}-${copy}`, count, { model: 'org/model-fp8', precision: 'fp8', backend })),
    ),
  )
  const made = plan({ model: both, recipes: [recipe('first', 1), ...recipes] })
  expect(made.fallback.length).toBeLessThanOrEqual(8)
  expect(made.fallback.length + made.dropped.length).toBe(recipes.length)
  expect(new Set(reasons(made))).toEqual(new Set(['has fp8 weights of org/model-fp8 instead of org/model (bf16) (MI300X)']))
})

test('in a step of the ladder, what keeps most of what was asked for comes first, whatever its score', () => {
  const holding = (id: string, maxSequences: number, count = 1) => recipe(id, count, { settings: { maxSequences } })
  const recipes = [holding('few', 8), holding('most', 64, 8), holding('more', 32, 2)]
  const made = plan({ recipes, requirements: { concurrency: 1_000, context: 1_024 } })
  expect(made.fallback.map((entry) => entry.recipe)).toEqual(['most', 'more', 'few'])
  const fp8s = fp8('fp8', { settings: { maxSequences: 128 } })
  const other = plan({ model: both, recipes: [...recipes, fp8s], requirements: { concurrency: 1_000, context: 1_024 } })
  expect(other.fallback.map((entry) => entry.recipe)).toEqual(['most', 'more', 'few', 'fp8'])
})

test('where nothing meets the requirements, changes are those of the request', () => {
  const made = plan({ model: both, recipes: [recipe('fewer', 1), fp8('both')], requirements: { gpuCount: 2 } })
  expect(made.candidates).toEqual([])
  expect(made.fallback.map(({ recipe: id, changes }) => [id, changes])).toEqual([
    ['fewer', ['fewer GPUs']],
    ['both', ['fewer GPUs', 'precision']],
  ])
})

test('no part of the score of a fallback is above its most', () => {
  const slow = recipe('slow', 1, { settings: { maxSequences: 1 } })
  const made = plan({ model: both, recipes: [slow, fp8('fast')], requirements: { objective: 'throughput' } })
  expect(made.fallback[0]).toMatchObject({ recipe: 'fast', score: { parts: { merit: 46 } } })
})

test('vLLM on GPUs whose memory is partly taken: the share that is free is a fallback, unless the recipe says its own or a process holds it', () => {
  const nodes = (change = {}) => [node('n1', { gpus: gpus(2, (index) => ({ vramFreeBytes: (100 + 10 * index) * GIB, ...change })) })]
  const made = plan({ recipes: [recipe('a', 1)], nodes: nodes() })
  expect(made.candidates).toEqual([])
  expect(made.fallback).toMatchObject([{ recipe: 'a', gpus: [1], changes: ['settings'], settings: { memoryFraction: 0.57 } }])
  expect(made.fallback[0]?.fit?.budgetBytes).toBeLessThanOrEqual(110 * GIB)
  expect(made.fallback[0]?.givesUp).toMatch(
    /^0\.57 instead of 0\.92 of the memory of each GPU, which holds \d+ request\(s\) of 8192 tokens$/,
  )
  expect(reasons(made)).toEqual(['needs 176.6 GiB free on each of 1 GPU of MI300X, at most 0 have it'])
  expect(plan({ recipes: [recipe('a', 2)], nodes: nodes() }).fallback).toMatchObject([{ gpus: [0, 1], settings: { memoryFraction: 0.52 } }])
  const process = { pid: 7, name: 'train', vramBytes: 90 * GIB }
  expect(plan({ recipes: [recipe('a', 1)], nodes: nodes({ processes: [process] }) }).fallback).toEqual([])
  expect(plan({ recipes: [recipe('a', 1, { settings: { memoryFraction: 0.9 } })], nodes: nodes() }).fallback).toEqual([])
  expect(plan({ recipes: [recipe('a', 1)], nodes: [...nodes(), node('n2')] }).fallback).toEqual([])
})
