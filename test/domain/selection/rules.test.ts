import { expect, test } from 'vitest'
import type { Recipe } from '../../../src/domain/recipe.js'
import type { Requirements } from '../../../src/domain/requirements.js'
import { BIG, GIB, SHAPE, SMALL, chosen, facts, gpu, gpus, node, plan, reasons, recipe, variant } from './support.js'

const one = recipe('a', 1)
const small = gpu(0, { model: SMALL.name, vramTotalBytes: 64 * GIB, vramFreeBytes: 64 * GIB })

test.each<[string, Partial<Requirements>, Partial<Recipe>, string]>([
  ['another recipe', { recipe: 'b' }, {}, 'recipe b was asked for'],
  ['another backend', { backends: ['sglang'] }, {}, 'backend sglang was asked for'],
  ['other hardware', { hardware: ['MI355X'] }, {}, 'hardware MI355X was asked for, it is for MI300X'],
  ['fewer GPUs', { gpuCount: 1 }, { hardware: { kind: 'gpu', count: 2, cards: [BIG.name] } }, 'takes 2 GPUs, 1 were asked for'],
  ['another node', { node: 'n2' }, {}, 'node n2 was asked for'],
  ['a label', { labels: { zone: 'b' } }, {}, 'label zone=b was asked for, the node has zone=a'],
  ['another precision', { precisions: ['fp8'] }, {}, 'precision fp8 was asked for, the weights of org/model are bf16'],
  ['a lower price', { maxPricePerHour: 1 }, {}, 'costs 2 EUR an hour, at most 1 was asked for'],
  ['a GGUF file', { file: 'a.gguf' }, {}, 'loads a whole repository, not one file (a.gguf)'],
])('%s that was asked for narrows the choice, with value and limit', (_, requirements, change, reason) => {
  const nodes = [node('n1', { labels: { zone: 'a' } })]
  const made = plan({ nodes, recipes: [{ ...one, ...change }], requirements, prices: { currency: 'EUR', perGpuHour: { [BIG.name]: 2 } } })
  expect(made).toMatchObject({ candidates: [], fallback: [], dropped: [{ recipe: 'a', nodes: ['n1'], count: 1, reason }] })
})

test('a price limit without a price is not kept by hope', () => {
  expect(reasons(plan({ recipes: [one], requirements: { maxPricePerHour: 1 } }))).toEqual([
    'at most 1 an hour was asked for, and the price table has no MI300X',
  ])
})

test('a processor has no price either', () => {
  const made = plan({ recipes: [recipe('cpu', 0)], nodes: [node('n1', { gpus: [] })], requirements: { maxPricePerHour: 1 } })
  expect(made).toMatchObject({ candidates: [], fallback: [] })
  expect(reasons(made)).toEqual(['at most 1 an hour was asked for, and the price table has no CPU'])
})

test('the repository’s own code runs by consent only, whether a setting or a flag asks for it', () => {
  for (const change of [{ settings: { trustRemoteCode: true } }, { args: { trust_remote_code: true } }]) {
    const recipes = [{ ...one, ...change }]
    expect(reasons(plan({ recipes }))).toEqual([
      'runs the code of org/model (trust-remote-code): AIM_ALLOW_REMOTE_CODE must name that repository',
    ])
    expect(plan({ recipes, requirements: { remoteCode: ['org/model'] } }).candidates).toHaveLength(1)
  }
})

test('a backend that is not ready is dropped with what the node says of it, once for all nodes that say the same', () => {
  const backends = [{ backend: 'vllm', ready: false, reason: 'vllm is not installed', fix: 'pip install vllm' } as const]
  const nodes = ['n4', 'n3', 'n2', 'n1'].map((id) => node(id, { backends }))
  expect(plan({ nodes, recipes: [one] }).dropped).toEqual([
    { recipe: 'a', nodes: ['n1', 'n2', 'n3'], count: 4, reason: 'vllm is not ready there: vllm is not installed (fix: pip install vllm)' },
  ])
})

test('fp8 is never placed on a card without matrix cores for it, and weights made for one card on no other', () => {
  const onSmall = { ...one, hardware: { kind: 'gpu' as const, count: 1, cards: [SMALL.name] } }
  const nodes = [node('n1', { gpus: [small] })]
  const fp8 = facts({ variants: [variant('org/model', { precision: 'fp8', weightBytes: 8e9 })] })
  expect(reasons(plan({ nodes, recipes: [onSmall], model: fp8 }))).toEqual(['MI210 (gfx90a) has no matrix cores for fp8'])
  const made = facts({ variants: [variant('org/model', { cards: ['MI355X'] })] })
  expect(reasons(plan({ recipes: [one], model: made }))).toEqual(['the weights of org/model are made for MI355X, not MI300X'])
})

test('28 heads are never cut in 8', () => {
  const shape = { ...SHAPE, attention: { kind: 'grouped' as const, heads: 28, kvHeads: 4, headDim: 128 } }
  const made = plan({ model: facts({ shape }), recipes: [recipe('eight', 8), recipe('four', 4)] })
  expect(chosen(made)).toEqual(['four n1'])
  expect(reasons(made)).toEqual(['tensor parallel 8 does not divide 28 attention heads'])
})

test('a recipe whose parallelism is not its GPU count is dropped', () => {
  const recipes = [recipe('a', 4, { parallel: { tensor: 2, pipeline: 1, data: 1, expert: false } })]
  expect(reasons(plan({ recipes }))).toEqual(['tensor 2 x pipeline 1 x data 1 parallel is not its 4 GPUs'])
})

test('weights that do not fit into the memory of a card are dropped with both figures', () => {
  const model = facts({ variants: [variant('org/model', { weightBytes: 400e9 })] })
  expect(reasons(plan({ model, recipes: [one] }))[0]).toMatch(
    /^weights of 37\d\.\d GiB a GPU are more than the 176\.6 GiB that the engine may take \(MI300X\)$/,
  )
})

test('a card that no node has is named', () => {
  expect(reasons(plan({ recipes: [one], nodes: [node('n1', { gpus: [small] })] }))).toEqual(['needs MI300X, no node has one'])
})

test('reasons about hardware that is there come before those about cards that nobody has', () => {
  const absent = (id: string) => recipe(id, 1, { hardware: { kind: 'gpu', count: 1, cards: ['MI355X'] } })
  const recipes = [absent('a'), absent('b'), recipe('c', 16), recipe('d', 1)]
  expect(plan({ recipes }).dropped.map((entry) => entry.recipe)).toEqual(['c', 'a', 'b'])
  const asked = plan({ recipes, requirements: { hardware: ['MI355X'] } })
  expect(asked.dropped.map((entry) => entry.recipe)).toEqual(['a', 'b', 'c', 'd'])
})

test('a node that is cordoned is not taken, whatever is free there', () => {
  const cordoned = 'the node is cordoned: new memory'
  const made = plan({ recipes: [recipe('x', 1)], nodes: [node('n1', { cordoned }), node('n2', {})] })
  expect(made.candidates.map((candidate) => candidate.node)).toEqual(['n2'])
  const alone = plan({ recipes: [recipe('x', 1)], nodes: [node('n1', { cordoned })] })
  expect(alone).toMatchObject({ candidates: [], dropped: [{ nodes: ['n1'], reason: cordoned }] })
})

test('the GPUs of the engine that serves now are its own, also under a lease, but not in quarantine', () => {
  const withheld = (by: 'lease' | 'quarantine') => gpus(1, () => ({ withheld: { by, endpoint: null, why: 'x' } }))
  const current = { node: 'n1', gpus: [0], weightBytes: 1 }
  const on = (by: 'lease' | 'quarantine') => plan({ recipes: [recipe('x', 1)], nodes: [node('n1', { gpus: withheld(by) })], current })
  expect(on('lease').candidates).toHaveLength(1)
  expect(on('quarantine').candidates).toEqual([])
})

test('recipes of another model are not this plan’s business', () => {
  expect(plan({ recipes: [recipe('x', 1, { model: 'other/model' })] })).toMatchObject({ candidates: [], dropped: [] })
  expect(plan({ recipes: [recipe('x', 1, { model: 'ORG/Model' })] }).candidates).toHaveLength(1)
})

test.each([
  ['too few GPUs', gpus(1), 'needs 2 GPUs of MI300X on one node, at most 1 are there'],
  [
    'uncorrectable errors',
    gpus(2, () => ({ health: { temperatureCelsius: null, powerWatts: null, eccUncorrectable: 3, eccCorrectable: 0 } })),
    'needs 2 GPUs of MI300X without uncorrectable memory errors, at most 0 are there',
  ],
  [
    'quarantine',
    gpus(3, (index) => (index < 2 ? { withheld: { by: 'quarantine', endpoint: null, why: 'page faults' } } : {})),
    'needs 2 GPUs of MI300X that are not in quarantine, at most 1 are there',
  ],
  [
    'leases of others',
    gpus(3, (index) => (index < 2 ? { withheld: { by: 'lease', endpoint: 'other', why: 'leased to other' } } : {})),
    'needs 2 GPUs of MI300X that no other endpoint has, at most 1 are there',
  ],
  [
    'somebody else’s process',
    gpus(2, (index) => ({ processes: index === 0 ? [{ pid: 7, name: 'train', vramBytes: 2 * GIB }] : [] })),
    'needs 2 GPUs of MI300X that no other process uses, at most 1 are there',
  ],
  ['memory in use', gpus(2, () => ({ vramFreeBytes: 100 * GIB })), 'needs 176.6 GiB free on each of 2 GPUs of MI300X, at most 0 have it'],
  ['two hives', gpus(2, (index) => ({ hive: `h${index}` })), 'needs 2 GPUs of MI300X in one XGMI hive, at most 1 are free in one'],
])('%s: the node is dropped with how many there are', (_, slots, reason) => {
  expect(reasons(plan({ recipes: [recipe('a', 2)], nodes: [node('n1', { gpus: slots })] }))).toEqual([reason])
})

test('tensor parallelism is not laid over the partitions of a card; a single partition is a GPU', () => {
  const part = (index: number) => ({
    vramTotalBytes: 24 * GIB,
    vramFreeBytes: 24 * GIB,
    card: 0,
    partition: { compute: 'CPX', memory: 'NPS1', index, count: 8 },
  })
  const made = plan({
    recipes: [recipe('one', 1), recipe('two', 2)],
    nodes: [node('n1', { gpus: gpus(8, part) })],
    model: facts({ variants: [variant('org/model', { weightBytes: 8e9 })] }),
  })
  expect(chosen(made)).toEqual(['one n1'])
  expect(reasons(made)).toEqual(['tensor parallel 2 is not laid over partitions of MI300X (CPX/NPS1): set its compute partition to SPX'])
})
