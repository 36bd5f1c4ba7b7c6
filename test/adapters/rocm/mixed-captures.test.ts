import { expect, test } from 'vitest'
import { describeCaptures } from '../../../src/adapters/rocm/captures.js'
import { CARDS } from './cards.js'
import { amdSmiFiles, kfdFiles, machineOf, rocminfoFile } from './machine.js'
import { memoryTree } from './memory-tree.js'

const mi300x = machineOf({ device: 0x74a1, version: 90_402, name: 'AMD Instinct MI300X', mib: 196_592, xccs: 8 }, 4)
const mi355x = machineOf({ device: 0x75ff, version: 90_500, name: 'AMD Instinct MI355X', mib: 294_896, xccs: 8 }, 8)
const integrated = machineOf({ device: 0x164e, version: 100_306, name: 'AMD Radeon Graphics', mib: 512 }, 1)
const mixed = async (files: Record<string, string>): Promise<string[]> => {
  const { problems } = await describeCaptures(memoryTree(files), CARDS)
  return problems.filter(({ code }) => code === 'arch_disagrees').map(({ message }) => message)
}

test('captures of two machines contradict each other by their instruction sets', async () => {
  expect(await mixed({ ...amdSmiFiles(mi355x), ...rocminfoFile(mi300x) })).toEqual([
    'amd-smi shows gfx950 and rocminfo shows gfx942: the instruction sets contradict each other, as captures of different machines do',
  ])
})

test('the instruction set is that of the card where a source tells only its name', async () => {
  const named = amdSmiFiles(mi355x, { arch: () => 'N/A' })
  expect(await mixed({ ...named, ...rocminfoFile(mi300x) })).toHaveLength(1)
})

test('one source that shows more than another is no contradiction', async () => {
  expect(await mixed({ ...amdSmiFiles(mi300x), ...rocminfoFile([...integrated, ...mi300x]), ...kfdFiles(mi300x) })).toEqual([])
})
