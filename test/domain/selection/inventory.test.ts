import { describe, expect, test } from 'vitest'
import { readInventory } from '../../../src/contracts/inventory.js'
import { takeInventory } from '../../../src/domain/selection/inventory.js'
import { BIG, GIB, SMALL, facts, gpus, node, plan, recipe, reasons, variant } from './support.js'

const kinds = (slots: ReturnType<typeof gpus>) =>
  [...takeInventory([node('n1', { gpus: slots })], [BIG, SMALL], null).kinds.values()].flat().map(({ mode, parts }) => [mode, parts])
const part = { vramTotalBytes: 24 * GIB, vramFreeBytes: 24 * GIB, card: 0 }

describe('a part of a card is never taken for a whole one', () => {
  test.each<[string, Parameters<typeof gpus>[1], [string | null, number][]]>([
    ['a mode with its count', () => ({ ...part, partition: { compute: 'CPX', memory: 'NPS1', index: 0, count: 8 } }), [['CPX/NPS1', 8]]],
    [
      'a mode without its count: memory tells',
      () => ({ ...part, partition: { compute: 'CPX', memory: null, index: 0, count: 1 } }),
      [['CPX', 8]],
    ],
    ['no mode, and several share the card', () => ({ ...part, partition: null }), [['mode not told', 8]]],
    ['SPX', () => ({ partition: { compute: 'SPX', memory: 'NPS1', index: 0, count: 1 } }), [[null, 1]]],
    ['a card of its own that shows little memory', (index) => ({ ...part, card: index, partition: null }), [[null, 1]]],
    ['two dies of one card, each with all its memory', (index) => ({ card: Math.floor(index / 2) }), [[null, 1]]],
  ])('%s', (_, change, expected) => {
    expect(kinds(gpus(8, change))).toEqual(expected)
  })

  test('tensor parallelism is not laid over parts whose mode nobody tells', () => {
    const small = facts({ variants: [variant('org/model', { weightBytes: 8e9 })] })
    const made = plan({ recipes: [recipe('two', 2)], nodes: [node('n1', { gpus: gpus(8, () => part) })], model: small })
    expect(made.candidates).toEqual([])
    expect(reasons(made)).toEqual([
      'tensor parallel 2 is not laid over partitions of MI300X (mode not told): set its compute partition to SPX',
    ])
  })
})

test('an inventory of the least that a part tells gives no tensor parallelism over parts', () => {
  const row = { model: 'MI300X', arch: 'gfx942', partition: 'CPX', vram_total_bytes: 24 * GIB }
  const { nodes } = readInventory({ gpus: Array.from({ length: 64 }, (_, index) => ({ ...row, index, card: Math.floor(index / 8) })) })
  const made = plan({ recipes: [recipe('four', 4)], nodes })
  expect(made.candidates).toEqual([])
  expect(reasons(made)).toEqual(['tensor parallel 4 is not laid over partitions of MI300X (CPX): set its compute partition to SPX'])
})

describe('GPUs that the hardware table does not have', () => {
  test('are said, with their node and model', () => {
    const slots = [...gpus(2), ...gpus(2, (index) => ({ index: index + 2, card: index + 2, model: 'H100' }))]
    expect(plan({ nodes: [node('x', { gpus: slots })] }).assumed).toContain(
      'node x has 2 GPUs that are not in the hardware table (H100): not considered',
    )
  })

  test('are one line for a fleet', () => {
    const nodes = Array.from({ length: 200 }, (_, index) =>
      node(`n${index + 100}`, { gpus: gpus(1, () => ({ model: index % 2 ? null : 'H100' })) }),
    )
    expect(plan({ nodes }).assumed.filter((line) => line.includes('hardware table'))).toEqual([
      '200 nodes (n100, n101, n102, ...) have 200 GPUs that are not in the hardware table (H100, unknown model of gfx942): not considered',
    ])
  })

  test('nothing is said where there are none', () => {
    expect(plan({}).assumed.filter((line) => line.includes('hardware table'))).toEqual([])
  })
})
