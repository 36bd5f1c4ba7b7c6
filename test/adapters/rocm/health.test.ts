import { expect, test } from 'vitest'
import { describeCaptures } from '../../../src/adapters/rocm/captures.js'
import { CARDS } from './cards.js'
import { amdSmiFiles, machineOf } from './machine.js'
import { memoryTree } from './memory-tree.js'

const files = amdSmiFiles(machineOf({ device: 0x74a1, version: 90_402, name: 'AMD Instinct MI300X', mib: 196_592, xccs: 8 }, 2))

const inspect = (hotspot: number, limit: unknown, errors: number) => {
  const statics =
    files['amd-smi-static.json']?.replace('"limit": {', `"limit": { "slowdown_hotspot_temperature": ${JSON.stringify(limit)},`) ?? ''
  const metric =
    files['amd-smi-metric.json']
      ?.replace('"value": 44', `"value": ${hotspot}`)
      .replace('uncorrectable_count": 0', `uncorrectable_count": ${errors}`) ?? ''
  return describeCaptures(memoryTree({ ...files, 'amd-smi-static.json': statics, 'amd-smi-metric.json': metric }), CARDS)
}

test('uncorrectable memory errors are a problem of that GPU', async () => {
  const { problems, gpus } = await inspect(44, 'N/A', 1)
  expect(problems).toEqual([{ code: 'gpu_ecc', message: 'GPU 0: 1 uncorrectable memory error: no engine is planned on it' }])
  expect(gpus.map(({ health }) => health.eccUncorrectable)).toEqual([1, 0])
})

test('a GPU is hot by its own limit only', async () => {
  const limit = { value: 100, unit: 'C' }
  expect((await inspect(100, limit, 0)).problems).toEqual([
    { code: 'gpu_hot', message: 'GPU 0: 100 C, and it slows itself down from 100 C' },
  ])
  expect((await inspect(99, limit, 0)).problems).toEqual([])
  expect((await inspect(120, 'N/A', 0)).problems).toEqual([])
})
