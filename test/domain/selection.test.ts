import { expect, test } from 'vitest'
import type { NodeInspection } from '../../src/domain/node.js'
import type { Recipe } from '../../src/domain/recipe.js'
import { makePlan } from '../../src/domain/selection.js'

const GIB = 2 ** 30
const gguf = { repo: 'org/small', files: [{ path: 'model.gguf', size: GIB }] }
const checkpoint = {
  repo: 'org/big',
  files: [
    { path: 'config.json', size: 100 },
    { path: 'model.safetensors', size: 100 * GIB },
  ],
}

const onCpu: Recipe = {
  id: 'any/llamacpp-cpu',
  model: '*',
  backend: 'llamacpp',
  format: 'gguf',
  hardware: { kind: 'cpu' },
  args: {},
  env: {},
}
const onGpu: Recipe = {
  id: 'any/vllm-gpu',
  model: '*',
  backend: 'vllm',
  format: 'safetensors',
  hardware: { kind: 'gpu', count: 1, arch: ['gfx942'] },
  args: {},
  env: {},
}

function node(change: Partial<NodeInspection> = {}): NodeInspection {
  return {
    nodeId: 'n1',
    hostname: 'n1',
    cpus: 2,
    memoryTotalBytes: 8 * GIB,
    memoryFreeBytes: 4 * GIB,
    cacheDisk: { path: '/', totalBytes: GIB, freeBytes: GIB },
    gpus: [],
    problems: [],
    backends: [
      { backend: 'llamacpp', ready: true, version: '1' },
      { backend: 'vllm', ready: true, version: '1' },
    ],
    ...change,
  }
}
const gpu = (index: number, freeGib: number, arch = 'gfx942') => ({
  index,
  arch,
  model: null,
  vramTotalBytes: 192 * GIB,
  vramFreeBytes: freeGib * GIB,
})
const reasons = (plan: ReturnType<typeof makePlan>) => plan.dropped.map((dropped) => dropped.reason)

test('a GGUF repository is placed on the processor, and the vLLM recipe is dropped with its reason', () => {
  const plan = makePlan(gguf, [node()], [onCpu, onGpu], {})
  expect(plan.candidates).toMatchObject([{ recipe: 'any/llamacpp-cpu', node: 'n1', gpus: [], modelFile: 'model.gguf', weightBytes: GIB }])
  expect(reasons(plan)).toEqual(['no safetensors file in the repository'])
})

test('free GPU memory decides, not the total, and the reason names both figures', () => {
  const plan = makePlan(checkpoint, [node({ gpus: [gpu(0, 64), gpu(1, 190)] })], [onGpu], {})
  expect(plan.candidates).toMatchObject([{ gpus: [1] }])
  const full = makePlan(checkpoint, [node({ gpus: [gpu(0, 64)] })], [onGpu], {})
  expect(reasons(full)).toEqual(['needs 120.0 GiB free on each of 1 GPU(s), 0 have it'])
})

test('a node whose processor memory is too small is dropped with both figures', () => {
  const plan = makePlan(gguf, [node({ memoryFreeBytes: GIB })], [onCpu], {})
  expect(reasons(plan)).toEqual(['needs 1.2 GiB of memory, 1.0 GiB is free'])
})

test('a GPU of another architecture does not count', () => {
  const plan = makePlan(checkpoint, [node({ gpus: [gpu(0, 190, 'gfx1100')] })], [onGpu], {})
  expect(reasons(plan)).toEqual(['needs 1 GPU(s) of gfx942, the node has 0'])
})

test('a backend that is not ready is dropped with what the node says of it', () => {
  const backends = [{ backend: 'llamacpp', ready: false, reason: 'node-llama-cpp is not installed', fix: 'npm i' } as const]
  expect(reasons(makePlan(gguf, [node({ backends })], [onCpu], {}))).toEqual([
    'llamacpp is not ready there: node-llama-cpp is not installed',
  ])
})

test('a recipe of the very model comes before one for any model, then GPUs before the processor, then by name', () => {
  const own = { ...onCpu, id: 'org/small/cpu', model: 'org/small' }
  const later = { ...onCpu, id: 'any/z' }
  const plan = makePlan(gguf, [node({ nodeId: 'n2' }), node()], [later, onCpu, own], {})
  expect(plan.candidates.map(({ recipe, node: where }) => [recipe, where])).toEqual([
    ['org/small/cpu', 'n1'],
    ['org/small/cpu', 'n2'],
    ['any/llamacpp-cpu', 'n1'],
    ['any/llamacpp-cpu', 'n2'],
    ['any/z', 'n1'],
    ['any/z', 'n2'],
  ])
})

test('the same input gives the same plan, whatever its order', () => {
  const nodes = [node(), node({ nodeId: 'n2' })]
  const recipes = [onCpu, onGpu]
  expect(makePlan(gguf, nodes.toReversed(), recipes.toReversed(), {}).candidates).toEqual(makePlan(gguf, nodes, recipes, {}).candidates)
})

test('what was asked for narrows the choice, and says so', () => {
  const plan = makePlan(gguf, [node()], [onCpu, onGpu], { backend: 'vllm' })
  expect(plan.candidates).toEqual([])
  expect(reasons(plan)).toContain('backend vllm was asked for')
})

test('the engine that serves now makes way: its memory counts as free, and its place is kept', () => {
  const gpus = [gpu(0, 190), gpu(1, 10)]
  const current = { node: 'n1', gpus: [1], weightBytes: 100 * GIB }
  expect(makePlan(checkpoint, [node({ gpus })], [onGpu], {}, current).candidates).toMatchObject([{ gpus: [1] }])
  const onlyOne = [node({ gpus: [gpu(0, 10)] })]
  expect(makePlan(checkpoint, onlyOne, [onGpu], {}, { ...current, gpus: [0] }).candidates).toMatchObject([{ gpus: [0] }])
  const small = [node({ memoryFreeBytes: GIB })]
  expect(makePlan(gguf, small, [onCpu], {}, { node: 'n1', gpus: [], weightBytes: GIB }).candidates).toHaveLength(1)
  expect(makePlan(gguf, small, [onCpu], {}, { node: 'n2', gpus: [], weightBytes: GIB }).candidates).toEqual([])
})
