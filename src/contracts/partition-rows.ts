import type { Partition } from '../domain/node.js'
import { partsOfMode } from '../domain/partition-modes.js'
import type { GpuRow } from './gpu-row.js'

/** Number of a GPU that does not tell it: its place in the list. */
export const indexOf = (row: GpuRow, place: number): number => row.index ?? place
export const cardOf = (row: GpuRow, place: number): number => row.card ?? place

/**
 * How the card of each GPU of one node is cut; null: not told. A count that is not told, or that is 1 for a card in CPX, is that of the
 * mode, in CPX the chiplets of the model, and for other models as many as share the card. Parts that do not tell their number are counted
 * in their order.
 */
export function partitionsOf(rows: GpuRow[]): (Partition | null)[] {
  const shown = new Map<number, number>()
  const places = rows.map((row, place) => {
    const before = shown.get(cardOf(row, place)) ?? 0
    shown.set(cardOf(row, place), before + 1)
    return before
  })
  return rows.map((row, place) => {
    const { partition: mode, partition_count: told, memory_partition: memory } = row
    if (mode === null || mode === undefined) return null
    const counted = partsOfMode(mode, row.model ?? null) ?? shown.get(cardOf(row, place)) ?? 1
    const count = told && told > 1 ? told : counted
    return { compute: mode, memory: memory ?? null, index: row.partition_index ?? (count > 1 ? (places[place] ?? 0) : 0), count }
  })
}
