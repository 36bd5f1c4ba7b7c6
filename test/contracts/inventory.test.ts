import { expect, test } from 'vitest'
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

test('nodes of one name get names of their own', () => {
  expect(readInventory([printed, printed]).nodes.map(({ nodeId }) => nodeId)).toEqual(['gpu-1', 'gpu-1-2'])
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
