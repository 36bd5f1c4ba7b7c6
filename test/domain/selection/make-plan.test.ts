import { expect, test } from 'vitest'
import { setupOf } from '../../../src/domain/measurement.js'
import { BIG, GIB, chosen, facts, gpu, gpus, node, plan, reasons, recipe, SMALL, unknown, variant } from './support.js'

const gguf = unknown('org/small', [{ path: 'model.gguf', size: GIB }])
const onCpu = recipe('any/llamacpp-cpu', 0, { model: '*', backend: 'llamacpp', format: 'gguf', origin: 'generic' })
const anyGpu = recipe('any/vllm-gpu', 1, { model: '*', origin: 'generic' })
const bare = (nodeId: string, memoryFreeBytes = 4 * GIB) => node(nodeId, { gpus: [], memoryFreeBytes })

test('a GGUF repository is placed on the processor, and the vLLM recipe is dropped with its reason', () => {
  const made = plan({ model: gguf, nodes: [bare('n1')], recipes: [onCpu, anyGpu] })
  expect(made.candidates).toMatchObject([
    {
      recipe: 'any/llamacpp-cpu',
      node: 'n1',
      gpus: [],
      card: null,
      modelFile: 'model.gguf',
      weightBytes: GIB,
      fit: null,
      prediction: null,
    },
  ])
  expect(made.candidates[0]).not.toHaveProperty('context')
  expect(made.dropped).toEqual([{ recipe: 'any/vllm-gpu', nodes: ['n1'], count: 1, reason: 'no safetensors file in the repository' }])
})

test('a node whose processor memory is too small is dropped with both figures', () => {
  expect(reasons(plan({ model: gguf, nodes: [bare('n1', GIB)], recipes: [onCpu] }))).toEqual(['needs 1.2 GiB of memory, 1.0 GiB is free'])
})

test('the engine that serves now makes way: its memory counts as free, and its place is kept', () => {
  const current = { node: 'n1', gpus: [1], weightBytes: 16e9 }
  const busy = { vramFreeBytes: 10 * GIB, processes: [{ pid: 1, name: 'engine', vramBytes: 170 * GIB }] }
  const nodes = [node('n1', { gpus: [gpu(0), gpu(1, busy)] })]
  expect(plan({ nodes, recipes: [anyGpu], current }).candidates).toMatchObject([{ gpus: [1] }])
  expect(plan({ nodes, recipes: [anyGpu] }).candidates).toMatchObject([{ gpus: [0] }])
  const onProcessor = { node: 'n1', gpus: [], weightBytes: GIB }
  expect(plan({ model: gguf, nodes: [bare('n1', GIB)], recipes: [onCpu], current: onProcessor }).candidates).toHaveLength(1)
  expect(plan({ model: gguf, nodes: [bare('n1', GIB)], recipes: [onCpu], current: { ...onProcessor, node: 'n2' } }).candidates).toEqual([])
})

test('what is published comes before what is derived, that before what is for any model, and GPUs before the processor', () => {
  const recipes = [
    recipe('a/generic', 1, { origin: 'generic', model: '*' }),
    recipe('b/cpu', 0),
    recipe('c/derived', 1, { origin: 'derived' }),
    recipe('d/published', 1),
  ]
  const nodes = [node('n1'), node('n2', { gpus: [] })]
  expect(chosen(plan({ recipes, nodes }))).toEqual(['d/published n1', 'c/derived n1', 'a/generic n1', 'b/cpu n2'])
})

test('the vLLM of a node with GPUs is no vLLM for its processor', () => {
  const { candidates, dropped } = plan({ recipes: [recipe('b/cpu', 0)] })
  expect(candidates).toEqual([])
  expect(dropped).toMatchObject([
    { recipe: 'b/cpu', nodes: ['n1'], reason: 'the vllm of a node with GPUs is built for them, not for its processor' },
  ])
})

test('where all else is equal, bf16 weights are not run in float16', () => {
  const recipes = [recipe('a/half', 1, { precision: 'bf16', settings: { dtype: 'float16' } }), recipe('b/same', 1, { precision: 'bf16' })]
  expect(chosen(plan({ recipes }))).toEqual(['b/same n1', 'a/half n1'])
})

const run = { card: BIG.name, concurrency: 8, promptTokens: 1024, outputTokensPerSecond: 1_000, ttftMs: null, source: 'test' }

test('a measured run on this card comes before settings that are only published, and one on another card does not', () => {
  const measured = (name: string) => recipe('z/measured', 1, { benchmarks: [{ ...run, card: name }] })
  expect(plan({ recipes: [recipe('a', 1), measured(BIG.name)] }).candidates[0]).toMatchObject({
    recipe: 'z/measured',
    prediction: { basis: 'measured', concurrency: 8, outputTokensPerSecond: 1_000 },
  })
  expect(chosen(plan({ recipes: [recipe('a', 1), measured(SMALL.name)] }))[0]).toBe('a n1')
})

test('a measured run that published settings outdo by far, even after the error it shows, comes after them', () => {
  const slow = recipe('z/slow', 8, { benchmarks: [{ ...run, outputTokensPerSecond: 10 }] })
  const made = plan({ recipes: [recipe('a', 1), recipe('b', 1, { origin: 'derived' }), slow] })
  expect(chosen(made)).toEqual(['a n1', 'z/slow n1', 'b n1'])
  expect(made.candidates[1]?.why).toContain('measured on this card, at less than half of what published settings promise')
  expect(chosen(plan({ recipes: [recipe('b', 1, { origin: 'derived' }), slow] }))[0]).toBe('z/slow n1')
})

test('what a run shows of the prediction holds for what is only predicted: a run at half of its prediction is not outdone by its like', () => {
  const promised = plan({ recipes: [recipe('a', 2)] }).candidates[0]?.prediction?.outputTokensPerSecond ?? 0
  const half = recipe('z/half', 2, { benchmarks: [{ ...run, concurrency: 16, outputTokensPerSecond: promised * 0.4 }] })
  const first = (objective: 'balanced' | 'throughput') =>
    plan({ recipes: [recipe('a', 2), half], requirements: { objective, concurrency: 16 } }).candidates[0]?.recipe
  expect([first('balanced'), first('throughput')]).toEqual(['z/half', 'z/half'])
})

test('throughput and cost are those of a full engine, as far as memory and its own limit go', () => {
  const first = (objective: 'throughput' | 'cost', change: Parameters<typeof recipe>[2] = {}) =>
    plan({ recipes: [recipe('a', 1, change)], requirements: { objective } })
  expect(first('throughput').candidates[0]?.prediction?.concurrency).toBe(256)
  expect(first('cost').candidates[0]?.prediction?.concurrency).toBe(256)
  expect(first('throughput').assumed.join()).toContain('speed is compared for 256 request(s)')
  expect(first('throughput', { settings: { maxSequences: 64 } }).candidates[0]?.prediction?.concurrency).toBe(64)
  const { prediction, fit } = first('throughput', { settings: { memoryFraction: 0.15 } }).candidates[0] ?? {}
  expect(prediction?.concurrency).toBe(Math.floor((fit?.kvBytes ?? 0) / (2 * 32 * 8 * 128 * 2 * 1_024)))
  expect(prediction?.concurrency).toBeLessThan(256)
})

test('at a load that saturates it, eight replicas have more throughput than one that is cut in eight to answer few requests soon', () => {
  const recipes = [
    recipe('a/tp8', 8, { settings: { maxSequences: 64 } }),
    recipe('b/dp8', 8, { parallel: { tensor: 1, pipeline: 1, data: 8, expert: false } }),
  ]
  const first = (concurrency?: number) =>
    plan({ recipes, requirements: { objective: 'throughput', ...(concurrency !== undefined && { concurrency }) } }).candidates[0]?.recipe
  expect([first(), first(16)]).toEqual(['b/dp8', 'a/tp8'])
})

test('a run says nothing of a load that is far from its own', () => {
  const recipes = [recipe('a', 1, { benchmarks: [run] })]
  const basis = (concurrency: number) => plan({ recipes, requirements: { concurrency } }).candidates[0]?.prediction?.basis
  expect([1, 2, 8, 32, 33].map(basis)).toEqual(['predicted', 'measured', 'measured', 'measured', 'predicted'])
})

test('by cost, a card without a price comes after all that have one, and the plan names it and names that nobody knows', () => {
  const cheap = recipe('small', 1, { hardware: { kind: 'gpu', count: 1, cards: [SMALL.name] }, origin: 'generic' })
  const nodes = [node('n1'), node('n2', { gpus: [gpu(0, { model: SMALL.name, vramTotalBytes: 64 * GIB, vramFreeBytes: 64 * GIB })] })]
  const prices = { currency: 'EUR', perGpuHour: { [SMALL.name]: 1_000, mi300x: 1 } }
  const made = plan({ nodes, recipes: [cheap, recipe('tp8', 8), recipe('tp1', 1)], requirements: { objective: 'cost' }, prices })
  expect(made.candidates.map((candidate) => candidate.recipe)).toEqual(['small', 'tp1', 'tp8'])
  expect(made.assumed).toContain('the price table has no MI300X: it comes behind all that has a price')
  expect(made.assumed).toContain('the price table names cards that nobody knows: mi300x')
})

test('a context that the recipe says is told as such', () => {
  const line = (change: { context?: number }) =>
    plan({ recipes: [recipe('a', 1, change)] }).assumed.filter((text) => text.includes('first choice'))
  expect(line({ context: 16_384 })).toEqual(['context: what the recipe says, where it says one (16384 for the first choice)'])
  expect(line({})).toEqual([])
})

test('balanced takes the GPUs that are used best; latency and throughput take more of them; cost goes by price', () => {
  const recipes = [1, 2, 8].map((count) => recipe(`tp${count}`, count))
  const first = (objective: 'balanced' | 'latency' | 'throughput' | 'cost') =>
    plan({ recipes, requirements: { objective } }).candidates[0]?.recipe
  expect(first('balanced')).toBe('tp1')
  expect(first('latency')).not.toBe('tp1')
  expect(first('throughput')).toBe('tp8')
  expect(first('cost')).toBe('tp1')
  const cheap = recipe('small', 1, { hardware: { kind: 'gpu', count: 1, cards: [SMALL.name] } })
  const nodes = [node('n1'), node('n2', { gpus: [gpu(0, { model: SMALL.name, vramTotalBytes: 64 * GIB, vramFreeBytes: 64 * GIB })] })]
  const priced = (small: number) =>
    plan({
      nodes,
      recipes: [...recipes, cheap],
      requirements: { objective: 'cost' },
      prices: { currency: 'EUR', perGpuHour: { [BIG.name]: 2, [SMALL.name]: small } },
    }).candidates[0]
  expect(priced(0.1)).toMatchObject({ recipe: 'small', cost: { currency: 'EUR', perHour: 0.1 } })
  expect(priced(5)).toMatchObject({ recipe: 'tp1', cost: { perHour: 2 } })
})

test('the score explains the order: the best has 100, parts add up to it in proportion, and the sentence has figures', () => {
  const { candidates } = plan({ recipes: [recipe('a', 1), recipe('b', 2, { origin: 'derived' })] })
  const [first, second] = candidates
  const sum = (parts: Record<string, number> = {}) => Object.values(parts).reduce((total, part) => total + part, 0)
  expect(first?.score.total).toBe(100)
  expect(second?.score.total).toBeLessThan(100)
  expect(second?.score.total).toBeCloseTo((100 * sum(second?.score.parts)) / sum(first?.score.parts), 0)
  expect(first?.why).toMatch(/1 x MI300X; predicted [\d.]+ tokens\/s a request.*GiB of weights/)
  expect(second?.changes).toEqual(['more GPUs'])
})

test('the context that is given is what was asked for, else the recipe’s, else what fits up to the model’s', () => {
  const given = (context: number | undefined, change: { context?: number } = {}) =>
    plan({ recipes: [recipe('a', 1, change)], requirements: context === undefined ? {} : { context } }).candidates[0]?.context
  expect(given(2_000, { context: 4_096 })).toBe(2_000)
  expect(given(undefined, { context: 4_096 })).toBe(4_096)
  expect(given(undefined)).toBe(32_768)
})

test('a model of unknown shape is judged by its size, and the plan says so', () => {
  const model = unknown('org/big', [
    { path: 'config.json', size: 100 },
    { path: 'model.safetensors', size: 150 * GIB },
  ])
  const made = plan({ model, recipes: [recipe('one', 1, { model: '*' }), recipe('two', 2, { model: '*' })] })
  expect(made.candidates).toMatchObject([{ recipe: 'two', fit: null, prediction: null }])
  expect(reasons(made)).toEqual(['needs 180.0 GiB on each of 1 GPU of MI300X, 176.6 GiB may be taken (MI300X)'])
  expect(made.assumed[0]).toBe('the shape of org/big is not known (no config.json was read): memory is estimated as weights x 1.2')
})

test('what an engine reported of its memory replaces the formula', () => {
  const measurement = {
    model: 'org/model',
    precision: 'bf16' as const,
    backend: 'vllm' as const,
    version: '0.32.0',
    card: BIG.name,
    gpuCount: 1,
    setup: setupOf(recipe('a', 1), 192 * GIB),
    kvBytesPerGpu: 100 * GIB,
    kvTokens: null,
    measuredAt: '2026-11-01T00:00:00Z',
  }
  const fit = (measurements: (typeof measurement)[]) => plan({ recipes: [recipe('a', 1)], measurements }).candidates[0]?.fit
  expect(fit([])?.basis).toBe('computed')
  const newer = { ...measurement, kvBytesPerGpu: 120 * GIB, measuredAt: '2026-11-02T00:00:00Z' }
  expect(fit([newer, measurement])).toMatchObject({ basis: 'measured', kvBytes: 120 * GIB })
  expect(fit([{ ...measurement, gpuCount: 8 }])?.basis).toBe('computed')
  expect(fit([{ ...measurement, setup: setupOf(recipe('a', 1, { settings: { maxSequences: 8 } }), 192 * GIB) }])?.basis).toBe('computed')
  expect(fit([{ ...measurement, setup: setupOf(recipe('a', 1), 191 * GIB) }])?.basis).toBe('computed')
})

test('a plan of very many recipes and nodes keeps the best, says how many there are, and stays small', () => {
  const recipes = Array.from({ length: 300 }, (_, index) => recipe(`r${index}`, 1))
  const nodes = Array.from({ length: 50 }, (_, index) => node(`n${String(index).padStart(2, '0')}`))
  const made = plan({ recipes, nodes, model: facts({ variants: [variant('org/model')] }) })
  expect(made.candidates.length).toBeLessThanOrEqual(50)
  expect(made.assumed.join()).toContain('300 placements of a recipe on a kind of hardware meet the requirements; the best 40 are kept')
  expect(JSON.stringify(made).length).toBeLessThan(200_000)
  expect(new Set(made.candidates.filter((candidate) => candidate.recipe === 'r0').map((candidate) => candidate.node)).size).toBe(4)
})

test('memory that a driver does not tell counts as free, and the plan says so', () => {
  const made = plan({ recipes: [recipe('a', 1)], nodes: [node('n1', { gpus: gpus(1, () => ({ vramFreeBytes: null })) })] })
  expect(made.candidates).toHaveLength(1)
  expect(made.assumed).toContain('memory of a GPU whose driver does not tell what is free counts as free')
})

test('fp8 by a setting is fp8: a card without it is refused, also for bf16 weights', () => {
  const recipes = [
    recipe('a/kv', 1, { hardware: { kind: 'gpu', count: 1, cards: [SMALL.name] }, settings: { kvDtype: 'fp8' } }),
    recipe('b/weights', 1, { hardware: { kind: 'gpu', count: 1, cards: [SMALL.name] }, settings: { quantization: 'fp8' } }),
  ]
  const nodes = [
    node('n1', {
      gpus: gpus(2, () => ({ model: SMALL.name, arch: SMALL.arch, vramTotalBytes: SMALL.vramBytes, vramFreeBytes: SMALL.vramBytes })),
    }),
  ]
  const { candidates, dropped } = plan({ recipes, nodes })
  expect(candidates).toEqual([])
  expect(dropped.map(({ reason }) => reason)).toEqual(Array(2).fill(expect.stringContaining('has no matrix cores for fp8')))
})

test('weights that are only where the endpoint serves now, and not in the cache, are not called cached', () => {
  const current = { node: 'n1', gpus: [0], weightBytes: GIB }
  const cached = (cachedModels: string[]) =>
    plan({ recipes: [recipe('a', 1)], nodes: [node('n1', { cachedModels })], current }).candidates[0]?.cached
  expect(cached([])).toBe(false)
  expect(cached(['org/model'])).toBe(true)
})

test('weights of a precision that nobody knows meet no list of precisions', () => {
  const model = unknown('org/model', [{ path: 'model.gguf', size: GIB }])
  const recipes = [recipe('a/gguf', 0, { backend: 'llamacpp', format: 'gguf', model: '*', origin: 'generic' })]
  expect(plan({ model, recipes, requirements: { precisions: ['fp8'] } }).candidates).toEqual([])
})

test('a GPU that shows a byte less is one of the same kind', () => {
  const almost = gpus(8, (index) => ({ vramTotalBytes: 192 * GIB - (index === 3 ? 1 : 0) }))
  expect(plan({ recipes: [recipe('a', 8)], nodes: [node('n1', { gpus: almost })] }).candidates).toHaveLength(1)
})
