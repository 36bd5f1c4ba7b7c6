import { describe, expect, test } from 'vitest'
import { describeCaptures } from '../../../src/adapters/rocm/captures.js'
import { CARDS } from './cards.js'
import { memoryTree } from './memory-tree.js'

const MiB = 2 ** 20
const WHOLE = 196_592 * MiB
const inspect = (files: Record<string, string>) => describeCaptures(memoryTree(files), CARDS)
const statics = (value: unknown) => inspect({ 'amd-smi-static.json': JSON.stringify(value) })
const entry = (change: object): object => ({
  gpu: 0,
  asic: { market_name: 'AMD Instinct MI300X', device_id: '0x74a1', target_graphics_version: 'gfx942' },
  bus: { bdf: '0000:0C:00.0' },
  vram: { size: { value: 196_592, unit: 'MB' } },
  partition: { accelerator_partition: 'SPX', memory_partition: 'NPS1', partition_id: 0 },
  ...change,
})

describe('one GPU in any spelling', () => {
  test.each<[string, unknown]>([
    ['a bare list', [entry({})]],
    ['an envelope', { gpu_data: [entry({})] }],
    ['an envelope in capitals', { GPU_DATA: [entry({})] }],
    ['beside processors', { cpu_data: [{ cpu: 0 }], gpu_data: [entry({})] }],
    ['behind a processor', [{ cpu: 0, smu: {} }, entry({})]],
    ['a map by number', { gpu_0: entry({}) }],
    ['a map in an envelope', { gpu_data: { 'GPU 0': entry({}) } }],
    ['alone', entry({})],
    ['a number as text', [entry({ gpu: '0' })]],
    ['size as text', [entry({ vram: { size: '196592 MB' } })]],
    ['size in another unit', [entry({ vram: { size: { value: 206_141_652_992, unit: 'B' } } })]],
    ['size without unit', [entry({ vram: { size: 196_592 } })]],
    ['size in bytes without unit', [entry({ vram: { size: 206_141_652_992 } })]],
    ['id in capitals', [entry({ asic: { device_id: '0X74A1' } })]],
    ['id without prefix', [entry({ asic: { device_id: '74a1' } })]],
    ['id as decimal', [entry({ asic: { device_id: 29_857 } })]],
    ['id as decimal text', [entry({ asic: { device_id: '29857' } })]],
    ['no id', [entry({ asic: { market_name: 'AMD Instinct MI300X VF' } })]],
    ['old partition key', [entry({ partition: { compute_partition: 'SPX', memory_partition: 'NPS1' } })]],
    ['partition key in capitals', [entry({ PARTITION: { ACCELERATOR_PARTITION: 'spx' }, partition: undefined })]],
    ['partition as one word', [entry({ partition: 'SPX' })]],
    ['partition outside', [entry({ partition: undefined, 'Compute Partition': 'SPX' })]],
    ['what it could be, too', [entry({ partition: { accelerator_partition: 'SPX', caps: 'SPX, DPX, CPX', profiles: ['CPX'] } })]],
  ])('%s', async (_, value) => {
    const { gpus, problems } = await statics(value)
    expect(problems).toEqual([])
    expect(gpus).toMatchObject([
      { index: 0, model: 'MI300X', arch: 'gfx942', vramTotalBytes: WHOLE, partition: { compute: 'SPX', count: 1 }, card: 0 },
    ])
  })

  test('192 GB as text are the whole card', async () => {
    expect((await statics([entry({ vram: { size: '192 GB' } })])).gpus).toMatchObject([{ vramTotalBytes: 192 * 2 ** 30 }])
  })
})

describe('what cannot be true', () => {
  test.each<[string, object, string]>([
    ['a size that the card does not have', { vram: { size: { value: 1966, unit: 'MB' } } }, 'vram_from_table'],
    ['an endless number', { vram: { size: { value: 1e300, unit: 'MB' } } }, 'vram_from_table'],
    ['a negative size', { vram: { size: -5 } }, 'vram_from_table'],
    ['two modes', { partition: { a_partition: 'SPX', b_partition: 'CPX' } }, 'partition_disagrees'],
    ['a mode with more parts than are shown', { partition: { accelerator_partition: 'CPX', partition_id: 0 } }, 'partitions_missing'],
    ['a part that the mode does not have', { partition: { accelerator_partition: 'SPX', partition_id: 5 } }, 'partition_disagrees'],
    ['an instruction set of another card', { asic: { device_id: '0x74a1', target_graphics_version: 'gfx1100' } }, 'model_disagrees'],
    ['a name of another card', { asic: { device_id: '0x74a1', market_name: 'AMD Instinct MI325X' } }, 'model_disagrees'],
    ['a card that is not in the table', { asic: { device_id: '0x738c', market_name: 'AMD Instinct MI100' } }, 'model_unknown'],
    ['a list of names', { asic: { market_name: 'Instinct MI300X / MI325X' } }, 'model_unknown'],
  ])('%s is named', async (_, change, code) => {
    const { gpus, problems } = await statics([entry(change)])
    expect(gpus).toHaveLength(1)
    expect(problems.map((problem) => problem.code)).toContain(code)
  })

  test('the number of compute units decides nothing', async () => {
    const { gpus } = await statics([entry({ asic: { device_id: '0x74a2', num_compute_units: 304, target_graphics_version: 'gfx942' } })])
    expect(gpus).toMatchObject([{ model: 'MI308X' }])
  })

  test('one id of three cards is told by memory, or not at all', async () => {
    const radeon = (mib: number | null, name = 'Navi 31 [Radeon RX 7900 XT/7900 XTX]') =>
      statics([{ gpu: 0, asic: { device_id: '0x744c', market_name: name }, ...(mib === null ? {} : { vram: { size: mib } }) }])
    expect((await radeon(24_560)).gpus).toMatchObject([{ model: 'RX 7900 XTX' }])
    expect((await radeon(20_464)).gpus).toMatchObject([{ model: null }])
    expect((await radeon(null)).gpus).toMatchObject([{ model: null }])
    expect((await radeon(null, 'Radeon RX 7900 XTX')).gpus).toMatchObject([{ model: 'RX 7900 XTX' }])
  })
})

describe('sources that disagree', () => {
  const kfd = (location: number): Record<string, string> => ({
    'topology/nodes/0/properties': 'cpu_cores_count 8\nsimd_count 0\n',
    'topology/nodes/1/properties': `simd_count 1216\ngfx_target_version 90402\nvendor_id 4098\ndevice_id 29857\nlocation_id ${location}\ndomain 0\nunique_id 77\n`,
    'topology/nodes/1/mem_banks/0/properties': `heap_type 1\nsize_in_bytes ${WHOLE}\n`,
  })
  const list = (...bdfs: string[]): Record<string, string> => ({
    'amd-smi-list.json': JSON.stringify(bdfs.map((bdf, gpu) => ({ gpu, bdf }))),
  })

  test('a GPU that KFD does not show is a problem and no GPU', async () => {
    const { gpus, problems } = await inspect({ ...kfd(0x0c00), ...list('0000:0c:00.0', '0000:22:00.0') })
    expect(gpus).toMatchObject([{ bdf: '0000:0c:00.0' }])
    expect(problems).toMatchObject([{ code: 'sources_disagree', message: expect.stringContaining('a GPU that kfd does not show') }])
  })

  test('the same GPU is the same by its address', async () => {
    expect((await inspect({ ...kfd(0x0c00), ...list('0000:0C:00.0') })).problems).toEqual([])
  })

  test('KFD without GPUs counts: an engine could open none', async () => {
    const { gpus, problems } = await inspect({
      'topology/nodes/0/properties': 'cpu_cores_count 8\nsimd_count 0\n',
      ...list('0000:0c:00.0'),
    })
    expect(gpus).toEqual([])
    expect(problems).toMatchObject([{ code: 'sources_disagree' }])
  })

  test('a cut file of KFD is not taken for the whole one', async () => {
    const files = kfd(0x0c00)
    const cut = { ...files, 'topology/nodes/1/mem_banks/0/properties': `heap_type 1\nsize_in_bytes 20614165` }
    const { gpus, problems } = await inspect(cut)
    expect(gpus).toMatchObject([{ model: 'MI300X' }])
    expect(problems.map(({ code }) => code)).toEqual(['kfd_node', 'vram_from_table'])
  })
})

test('keys that are no keys change nothing', async () => {
  const text = '[{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "gpu": 0, "bdf": "0000:0c:00.0"}]'
  const { gpus } = await inspect({ 'amd-smi-list.json': text })
  expect(gpus).toHaveLength(1)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test('a nest of a hundred thousand brackets is refused', async () => {
  const { gpus, problems } = await inspect({ 'amd-smi-list.json': `${'['.repeat(100_000)}${']'.repeat(100_000)}` })
  expect(gpus).toEqual([])
  expect(problems.map(({ code }) => code)).toContain('no_source')
})
