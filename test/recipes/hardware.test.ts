import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { cardsOf, HardwareFile } from '../../src/contracts/hardware-file.js'
import { canCompute, type Card } from '../../src/domain/hardware.js'

const root = join(import.meta.dirname, '../..')
const raw: unknown = parse(readFileSync(join(root, 'recipes/hardware.yaml'), 'utf8'))
const file = HardwareFile.parse(raw)
const cards = cardsOf(file)

function named(name: string): Card {
  const card = cards.find((row) => row.name === name)
  if (card === undefined) throw new Error(`no card ${name}`)
  return card
}

test('has the cards that users name', () => {
  expect(cards.map(({ name }) => name)).toEqual([
    'MI210',
    'MI250X',
    'MI300A',
    'MI300X',
    'MI308X',
    'MI325X',
    'MI350X',
    'MI355X',
    'PRO W7900',
    'RX 7900 XTX',
  ])
})

test('a PCI id names one card', () => {
  const ids = cards.flatMap(({ deviceIds }) => deviceIds)
  expect(new Set(ids).size).toBe(ids.length)
  expect(named('MI355X').deviceIds).toContain(0x75a3)
  for (const card of cards) expect(card.deviceIds, card.name).not.toEqual([])
})

test('every source is used by a figure', () => {
  const used = new Set(file.cards.flatMap((card) => Object.values(card).flatMap((value) => (isFigure(value) ? [value.source] : []))))
  used.add('ids') // of `deviceIds`, which carry no source of their own
  expect(Object.keys(file.sources).filter((key) => !used.has(key))).toEqual([])
})

test('a figure without a known source is refused by its place', () => {
  const [first, ...rest] = file.cards
  const bad = { ...file, cards: [{ ...first, watts: { value: 300, source: 'hearsay' } }, ...rest] }
  const { error } = HardwareFile.safeParse(bad)
  expect(error?.issues).toMatchObject([{ path: ['cards', 0, 'watts', 'source'], message: 'is no key of sources: hearsay' }])
})

test('fp8 is refused where the matrix cores have none', () => {
  const refusing = cards.filter((card) => !canCompute(card, 'fp8'))
  expect(refusing.map(({ name }) => name)).toEqual(['MI210', 'MI250X', 'PRO W7900', 'RX 7900 XTX'])
  expect(new Set(refusing.map(({ arch }) => arch))).toEqual(new Set(['gfx90a', 'gfx1100']))
})

test('only CDNA 4 runs mxfp4 in hardware, and computes in the fp8 of OCP', () => {
  for (const card of cards) {
    expect(card.mxfp4, card.name).toBe(card.arch === 'gfx950')
    expect(card.fp8 === 'ocp', card.name).toBe(card.arch === 'gfx950')
  }
})

describe('rates', () => {
  test('exist only for what a card computes', () => {
    const impossible = cards.filter(
      ({ fp8, mxfp4, flops }) => (fp8 === null && flops.fp8 !== undefined) || (!mxfp4 && flops.mxfp4 !== undefined),
    )
    expect(impossible).toEqual([])
  })

  test('double with each halving of the format, as dense peaks of matrix cores do', () => {
    const ratios = cards
      .flatMap(({ flops: { bf16, fp8, mxfp4 } }) => [ratio(fp8, bf16), ratio(mxfp4, fp8)])
      .filter((value) => value !== null)
    expect(ratios).toHaveLength(5 + 2)
    for (const value of ratios) expect(value).toBeCloseTo(2, 2)
  })

  test('are those of one die for the MI250X: slightly above an MI210 of fewer compute units', () => {
    expect(ratio(named('MI250X').flops.bf16, named('MI210').flops.bf16)).toBeCloseTo(110 / 104, 2)
  })
})

const facts = join(root, '../shared/data/gpu-facts.json')
test.runIf(existsSync(facts))('agrees with the collected facts on memory, architecture and ids', () => {
  const { gpus }: { gpus: { name: string; ids: string[]; arch: string; hbm_gib: number; bw_tbs: number | null; fp8: string | null }[] } =
    JSON.parse(readFileSync(facts, 'utf8'))
  expect(gpus).toHaveLength(cards.length)
  for (const gpu of gpus) {
    const card = named(gpu.name.replace(/^Radeon | \(per GCD\)$/g, ''))
    expect(card).toMatchObject({ arch: gpu.arch, vramBytes: gpu.hbm_gib * 2 ** 30, fp8: gpu.fp8 })
    expect(card.bandwidth, card.name).toBe(gpu.bw_tbs === null ? null : gpu.bw_tbs * 1e12)
    expect(card.deviceIds, card.name).toEqual(expect.arrayContaining(gpu.ids.map((id) => Number.parseInt(id, 16))))
  }
})

function isFigure(value: unknown): value is { source: string } {
  return typeof value === 'object' && value !== null && 'source' in value
}

function ratio(over: number | undefined, under: number | undefined): number | null {
  return over === undefined || under === undefined ? null : over / under
}
