import { describe, expect, test } from 'vitest'
import { readInventory, toInspectedNode, toMachine } from '../../src/contracts/inventory.js'
import type { NodeInspection } from '../../src/domain/node.js'

const node: NodeInspection = {
  nodeId: 'gpu-1',
  hostname: 'gpu-1.example',
  cpus: 96,
  memoryTotalBytes: 2 ** 40,
  memoryFreeBytes: 2 ** 39,
  cacheDisk: { path: '/cache', totalBytes: 2 ** 42, freeBytes: 2 ** 41 },
  gpus: [
    {
      index: 3,
      model: 'MI300X',
      arch: 'gfx942',
      vramTotalBytes: 24 * 2 ** 30,
      vramFreeBytes: 2 ** 34,
      partition: { compute: 'CPX', memory: 'NPS1', index: 3, count: 8 },
      card: 0,
      bdf: '0000:0c:00.3',
      hive: '7a110000beef0001',
      health: { temperatureCelsius: 44, powerWatts: 140, eccUncorrectable: 0, eccCorrectable: 3 },
      processes: [{ pid: 42, name: 'python3', vramBytes: 2 ** 33 }],
    },
  ],
  rocm: { driver: '6.12.9', rocm: '6.4.1' },
  labels: { zone: 'a' },
  cachedModels: ['org/name'],
  problems: [{ code: 'x', message: 'y' }],
  peerUrl: 'http://10.0.0.7:8710',
  backends: [
    { backend: 'vllm', ready: true, version: '0.32.0' },
    { backend: 'sglang', ready: false, reason: 'not here', fix: 'install it' },
  ],
}
const printed = toInspectedNode(node, toMachine(node))

test('what inspect prints is read back as it was', () => {
  expect(readInventory(JSON.parse(JSON.stringify(printed)))).toEqual({ nodes: [node], assumptions: [] })
})

test('a node, a list and an object of nodes are the same', () => {
  expect(readInventory([printed]).nodes).toEqual([node])
  expect(readInventory({ nodes: [printed] }).nodes).toEqual([node])
})

test('the least that a node must tell is its GPUs; what was taken for granted is said', () => {
  const gpu = { model: 'MI300X', arch: 'gfx942', vram_total_bytes: 2 ** 37 }
  const { nodes, assumptions } = readInventory({ gpus: [gpu, gpu] })
  expect(nodes).toMatchObject([
    {
      nodeId: 'node-1',
      cpus: 0,
      memoryFreeBytes: 0,
      gpus: [
        { index: 0, card: 0, vramFreeBytes: null, partition: null },
        { index: 1, card: 1 },
      ],
      backends: [
        { backend: 'vllm', ready: true, version: 'assumed' },
        { backend: 'sglang', ready: true, version: 'assumed' },
      ],
    },
  ])
  expect(assumptions).toEqual(['node-1 does not tell its backends: vllm and sglang are taken to be ready'])
})

const bare = (change: object, place = 0): object => ({
  model: 'MI300X',
  arch: 'gfx942',
  vram_total_bytes: 24 * 2 ** 30,
  index: place,
  ...change,
})
const row = (count: number, change: (place: number) => object): object => ({
  gpus: Array.from({ length: count }, (_, place) => bare(change(place), place)),
})
const eight = (place: number): number => Math.floor(place / 8)

describe('a card that is cut', () => {
  test('64 parts of eight cards, without a count', () => {
    const [read] = readInventory(row(64, (place) => ({ partition: 'CPX', card: eight(place) }))).nodes
    expect(read?.gpus.map(({ card, partition }) => ({ card, ...partition }))).toEqual(
      Array.from({ length: 64 }, (_, place) => ({ card: eight(place), compute: 'CPX', memory: null, index: place % 8, count: 8 })),
    )
  })

  test.each<[string, object, number]>([
    ['SPX', { partition: 'SPX' }, 1],
    ['DPX, one part shown', { partition: 'DPX', card: 0 }, 2],
    ['TPX', { partition: 'TPX', card: 0 }, 3],
    ['QPX', { partition: 'QPX', card: 0 }, 4],
    ['CPX, one part shown: the chiplets of the model', { partition: 'CPX', card: 0, model: 'MI300A' }, 6],
    ['CPX with a count of its own', { partition: 'CPX', card: 0, model: 'MI999', partition_count: 12 }, 12],
  ])('%s', (_, change, count) => {
    expect(readInventory(row(1, () => change)).nodes[0]?.gpus[0]?.partition).toMatchObject({ index: 0, count })
  })

  test('of a model that nobody knows has as many parts as share it', () => {
    const [read] = readInventory(row(5, () => ({ model: 'MI999', partition: 'CPX', card: 3 }))).nodes
    expect(read?.gpus.map(({ partition }) => [partition?.index, partition?.count])).toEqual([0, 1, 2, 3, 4].map((index) => [index, 5]))
  })

  test.each<[string, object, string, string]>([
    ['an unknown mode', row(1, () => ({ partition: 'XXX' })), 'gpus.0.partition', 'must be SPX, DPX, TPX, QPX, CPX or null'],
    [
      'an unknown memory mode',
      row(1, () => ({ memory_partition: 'NPS3' })),
      'gpus.0.memory_partition',
      'must be NPS1, NPS2, NPS4, NPS8 or null',
    ],
    ['parts of no card', row(2, () => ({ partition: 'CPX' })), 'gpus.0.card', 'must number the physical card where the partition is CPX'],
    [
      'two modes',
      row(2, (place) => ({ partition: place ? 'DPX' : 'CPX', card: 0 })),
      'gpus.0.partition',
      'is CPX, and of another GPU of card 0 it is DPX',
    ],
    [
      'another count than the mode has',
      row(1, () => ({ partition: 'DPX', card: 0, partition_count: 8 })),
      'gpus.0.partition_count',
      'must be 2 where it is DPX',
    ],
    ['too many parts', row(9, () => ({ partition: 'CPX', card: 4 })), 'gpus.0.card', '4 is that of 9 GPUs, and CPX has 8 parts'],
    [
      'a part twice',
      row(2, () => ({ partition: 'CPX', card: 0, partition_index: 5 })),
      'gpus.1.partition_index',
      '5 is there twice on card 0',
    ],
    [
      'a part that there is not',
      row(1, () => ({ partition: 'QPX', card: 0, partition_index: 4 })),
      'gpus.0.partition_index',
      'must be below 4, the number of parts',
    ],
  ])('%s is refused', (_, value, field, rule) => {
    expect(() => readInventory(value)).toThrow(expect.objectContaining({ code: 'InvalidInput', details: { field, rule } }))
  })
})

describe('what cannot be true is refused with field and rule', () => {
  const named = (change: object): object => ({ ...row(1, () => ({})), ...change })
  test.each<[string, unknown, string, string]>([
    ['an index twice', row(2, () => ({ index: 0 })), 'gpus.1.index', '0 is there twice'],
    [
      'an index twice, one of it by its place',
      { gpus: [bare({ index: 1 }), bare({ index: undefined })] },
      'gpus.1.index',
      '1 is there twice',
    ],
    ['an index twice in the second node', [row(1, () => ({})), row(2, () => ({ index: 7 }))], '1.gpus.1.index', '7 is there twice'],
    ['a node twice', { nodes: [named({ node_id: 'x' }), named({ node_id: 'x' })] }, 'nodes.1.node_id', 'x is there twice'],
    ['a host twice', [named({ hostname: 'x' }), named({ hostname: 'x' })], '1.hostname', 'x is there twice: give each node a node_id'],
    [
      'an id with control characters',
      named({ node_id: 'a\u001b[31m' }),
      'node_id',
      'must be 1 to 63 lower-case letters, digits, dots or hyphens',
    ],
    ['a host name with control characters', named({ hostname: 'a\u001b[31m' }), 'hostname', 'must not contain control characters'],
    ['a model with control characters', row(1, () => ({ model: 'MI\u009b300X' })), 'gpus.0.model', 'must not contain control characters'],
    [
      'more memory free than there is',
      row(1, () => ({ vram_free_bytes: 2 ** 40 })),
      'gpus.0.vram_free_bytes',
      `${2 ** 40} is more than vram_total_bytes, ${24 * 2 ** 30}`,
    ],
    [
      'more memory of the machine free',
      named({ memory_total_bytes: 1, memory_free_bytes: 2 }),
      'memory_free_bytes',
      '2 is more than memory_total_bytes, 1',
    ],
    [
      'more disk free',
      named({ cache_disk: { path: '/', total_bytes: 1, free_bytes: 2 } }),
      'cache_disk.free_bytes',
      '2 is more than total_bytes, 1',
    ],
    ['half a byte', row(1, () => ({ vram_total_bytes: 1.5 })), 'gpus.0.vram_total_bytes', 'must be a whole number of bytes'],
    ['less than nothing', named({ memory_total_bytes: -1 }), 'memory_total_bytes', 'must not be negative'],
    ['errors below none', row(1, () => ({ health: { ecc_uncorrectable: -1 } })), 'gpus.0.health.ecc_uncorrectable', 'must not be negative'],
  ])('%s', (_, value, field, rule) => {
    expect(() => readInventory(value)).toThrow(expect.objectContaining({ code: 'InvalidInput', details: { field, rule } }))
  })
})

test('what a process calls itself is no reason to refuse, and drives no terminal', () => {
  const value = row(1, () => ({ processes: [{ pid: 1, name: 'a\u001b]0;x\u0007' }] }))
  expect(readInventory(value).nodes[0]?.gpus[0]?.processes).toEqual([{ pid: 1, name: 'a ]0;x ', vramBytes: null }])
})

test('what 200 nodes do not tell is one line', () => {
  const nodes = Array.from({ length: 200 }, (_, place) => ({ ...row(1, () => ({})), node_id: `n${place}` }))
  expect(readInventory({ nodes }).assumptions).toEqual([
    '200 nodes do not tell their backends (n0, n1, n10, ...): vllm and sglang are taken to be ready',
  ])
  expect(readInventory(nodes.slice(0, 2)).assumptions).toEqual([
    '2 nodes do not tell their backends (n0, n1): vllm and sglang are taken to be ready',
  ])
})

test('a node without a name does not take that of another', () => {
  const names = readInventory([row(1, () => ({})), { ...row(1, () => ({})), node_id: 'node-1' }]).nodes.map(({ nodeId }) => nodeId)
  expect(names).toEqual(['node-2', 'node-1'])
})

test('memory that nobody tells is null, and nothing fits on it', () => {
  const unknown = toInspectedNode({ ...node, gpus: node.gpus.map((gpu) => ({ ...gpu, vramTotalBytes: 0 })) }, null)
  expect(unknown.gpus[0]?.vram_total_bytes).toBeNull()
  expect(readInventory(unknown).nodes[0]?.gpus[0]?.vramTotalBytes).toBe(0)
})

test.each([
  ['no object', 7, 'input'],
  ['no GPUs', {}, 'gpus'],
  ['an empty list', [], 'input'],
  ['an empty fleet', { nodes: [] }, 'nodes'],
  ['a GPU without memory', [{ gpus: [{ arch: 'gfx942' }] }], '0.gpus.0.vram_total_bytes'],
  ['an instruction set that is none', { gpus: [{ arch: 'sm_90', vram_total_bytes: 1 }] }, 'gpus.0.arch'],
])('%s is refused by field', (_, value, field) => {
  expect(() => readInventory(value)).toThrow(expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) }))
})
