import { expect, test } from 'vitest'
import { nodeInspect } from '../../../src/cli/commands/node-inspect.js'
import { folderOf } from '../../adapters/rocm/folder.js'
import { amdSmiFiles, kfdFiles, machineOf } from '../../adapters/rocm/machine.js'
import { testCli } from '../support.js'

const parts = machineOf({ device: 0x74a1, version: 90_402, name: 'AMD Instinct MI300X', mib: 196_592, xccs: 8 }, 2, {
  mode: 'CPX',
  memory: 'NPS1',
  parts: 8,
})

test('shows each GPU of a folder of captures, and the problems', async () => {
  await using folder = await folderOf({ ...kfdFiles(parts), ...amdSmiFiles(parts), 'rocm-smi.json': 'nothing' })
  const { cli, out } = testCli()
  const report = await nodeInspect(cli, [], { from: folder.dir })
  await cli.print(report)
  const lines = out().split('\n')
  expect(lines[1]).toMatch(/^0 +MI300X +gfx942 +24\.0 GiB +23\.7 GiB +CPX\/NPS1 1 of 8 +0 +44 C +141 W/)
  expect(lines[16]).toMatch(/^15 +MI300X .* 8 of 8 +1 /)
  expect(out()).toMatch(/driver 6\.12\.9, ROCm 6\.4\.1/)
  expect(out()).toMatch(/rocm_smi_unreadable: rocm-smi: it holds no JSON/)
  expect(report.exit ?? 0).toBe(0)
})

test('gives programs the fields that they ask for', async () => {
  await using folder = await folderOf(kfdFiles(parts))
  const { data } = await nodeInspect(testCli().cli, [], { from: folder.dir })
  expect(data).toMatchObject({
    gpus: Array.from({ length: 16 }, (_, index) => ({
      index,
      model: 'MI300X',
      arch: 'gfx942',
      vram_total_bytes: 196_592 * 2 ** 17,
      vram_free_bytes: null,
      partition: 'CPX',
      card: Math.floor(index / 8),
    })),
    problems: [],
    hostname: null,
    backends: null,
  })
})

test('captures that cannot be read tell nothing, which is not the same as a machine without GPUs', async () => {
  await using unreadable = await folderOf({ 'amd-smi-static.json': 'what', 'rocminfo.txt': 'no' })
  const nothing = testCli()
  const report = await nodeInspect(nothing.cli, [], { from: unreadable.dir })
  await nothing.cli.print(report)
  expect(nothing.out()).toMatch(/^GPUs: not known, see problems\n[^]*no_source: /)
  expect(report.exit).toBe(1)

  await using processors = await folderOf(kfdFiles([]))
  const none = testCli()
  const known = await nodeInspect(none.cli, [], { from: processors.dir })
  await none.cli.print(known)
  expect(none.out()).toMatch(/^no AMD GPU is seen\n/)
  expect(known.exit).toBe(0)
})

test('memory errors of a GPU are seen in its row and as a problem', async () => {
  const files = amdSmiFiles(parts)
  const metric = files['amd-smi-metric.json']?.replace('"total_uncorrectable_count": 0', '"total_uncorrectable_count": 7') ?? ''
  await using folder = await folderOf({ ...files, 'amd-smi-metric.json': metric })
  const { cli, out } = testCli()
  await cli.print(await nodeInspect(cli, [], { from: folder.dir }))
  const lines = out().split('\n')
  expect(lines[0]).toMatch(/ ECC/)
  expect(lines[1]).toMatch(/ 141 W +7\b/)
  expect(lines[9]).toMatch(/ 141 W +0\b/)
  expect(out()).toMatch(/gpu_ecc: GPU 0: 7 uncorrectable memory errors: no engine is planned on it/)
})

test('a folder that is none is refused by field', async () => {
  await expect(nodeInspect(testCli().cli, [], { from: '/nowhere/at/all' })).rejects.toMatchObject({
    code: 'InvalidInput',
    details: { field: '--from' },
  })
})

test('this machine is a node, too', async () => {
  const { cli, out } = testCli()
  const report = await nodeInspect(cli, [], {})
  await cli.print(report)
  expect(report.data).toMatchObject({
    gpus: expect.any(Array),
    problems: expect.any(Array),
    cpus: expect.any(Number),
    backends: expect.any(Array),
  })
  expect(out()).toMatch(/\d+ CPUs, [\d.]+ GiB memory/)
})
