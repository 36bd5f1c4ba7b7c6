import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { capture, inspectCaptures, type RunTool } from '../../../src/adapters/rocm/index.js'
import { createRoot } from '../probe/support.js'
import { CARDS } from './cards.js'
import { folderOf } from './folder.js'
import { amdSmiFiles, kfdFiles, machineOf, rocminfoFile } from './machine.js'

const parts = machineOf({ device: 0x74a5, version: 90_402, name: 'AMD Instinct MI325X', mib: 262_128, xccs: 8 }, 2, {
  mode: 'CPX',
  memory: 'NPS1',
  parts: 8,
})
const printed: Record<string, string> = { ...amdSmiFiles(parts), ...rocminfoFile(parts) }
const tools: RunTool = async (program, [verb]) => {
  const stdout = printed[program === 'rocminfo' ? 'rocminfo.txt' : `${program}-${verb}.json`]
  return stdout === undefined ? null : { stdout, exit: '0' }
}
const sysfs = Object.fromEntries(Object.entries(kfdFiles(parts)).map(([path, text]) => [`sys/class/kfd/kfd/${path}`, text]))
const machine = { node_id: 'gpu-7', hostname: 'gpu-7', cpus: 96, memory_total_bytes: 2 ** 40 }

test('a capture shows what the machine showed', async () => {
  await using root = await createRoot({ ...sysfs, 'dev/kfd': '' })
  const dir = join(root.root, 'captures')
  const { files, problems } = await capture({ dir, root: root.root, run: tools, machine })
  expect(problems).toEqual([])
  expect(files).toEqual(
    expect.arrayContaining(['machine.json', 'amd-smi-static.json', 'rocminfo.txt', 'topology/nodes/17/mem_banks/0/properties']),
  )
  const found = await inspectCaptures(dir, CARDS)
  expect(found.problems).toEqual([])
  expect(found.gpus).toHaveLength(16)
  expect(found.gpus[9]).toMatchObject({
    model: 'MI325X',
    vramTotalBytes: 262_128 * 2 ** 17,
    partition: { compute: 'CPX', index: 1, count: 8 },
    card: 1,
  })
  expect(found.machine).toEqual({ ...machine, kfd: 'usable' })
})

test('without a driver no tool is run, and the capture says that there is no GPU', async () => {
  await using root = await createRoot()
  const dir = join(root.root, 'captures')
  const calls: string[] = []
  await capture({ dir, root: root.root, run: async (program) => (calls.push(program), null), machine })
  expect(calls).toEqual([])
  expect(await inspectCaptures(dir, CARDS)).toMatchObject({ gpus: [], problems: [], machine: { kfd: 'absent' } })
})

test('a folder that holds something is not written to', async () => {
  await using folder = await folderOf({ 'notes.txt': 'mine' })
  await expect(capture({ dir: folder.dir, root: '/nowhere', run: tools, machine })).rejects.toMatchObject({
    code: 'InvalidInput',
    details: { field: 'dir' },
  })
})

test.each([
  ['is not there', 'nowhere', 'must be a folder'],
  ['is a file', 'file', 'must be a folder'],
  ['is empty', 'empty', 'holds no capture'],
  ['holds other things', '.', 'holds no capture'],
])('a folder of captures that %s is refused', async (_, name, rule) => {
  await using folder = await folderOf({ file: 'x' })
  await mkdir(join(folder.dir, 'empty'))
  await expect(inspectCaptures(join(folder.dir, name), CARDS)).rejects.toMatchObject({
    code: 'InvalidInput',
    details: { field: '--from', rule: expect.stringContaining(rule) },
  })
})

test('bytes that are no text are refused by name, and UTF-16 is read', async () => {
  await using folder = await folderOf({ 'amd-smi-list.json': Buffer.from([0xc3, 0x28, 0x00, 0xff, 0x5b]) })
  expect((await inspectCaptures(folder.dir, CARDS)).problems.map(({ code }) => code)).toEqual(['amd_smi_unreadable', 'no_source'])
  await writeFile(join(folder.dir, 'amd-smi-list.json'), Buffer.from(`\ufeff${printed['amd-smi-list.json']}`, 'utf16le'))
  expect((await inspectCaptures(folder.dir, CARDS)).gpus).toHaveLength(16)
})
