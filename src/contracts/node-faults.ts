import { partsOfMode } from '../domain/partition-modes.js'
import type { GpuRow } from './gpu-row.js'
import { cardOf, indexOf, partitionsOf } from './partition-rows.js'

/** What of a node cannot be true, where each field alone could be. */
export type Fault = { path: (string | number)[]; message: string }

type Size = number | null | undefined
type Facts = {
  memory_total_bytes?: Size
  memory_free_bytes?: Size
  cache_disk?: { total_bytes: number; free_bytes: number } | null | undefined
  gpus: GpuRow[]
}
type GpuRule = (row: GpuRow, place: number, rows: GpuRow[]) => Fault | null

/** The first of its contradictions; null: none. */
export function faultOf(node: Facts): Fault | null {
  const machine =
    tooMuch(node.memory_free_bytes, node.memory_total_bytes, 'memory_total_bytes', ['memory_free_bytes']) ??
    tooMuch(node.cache_disk?.free_bytes, node.cache_disk?.total_bytes, 'total_bytes', ['cache_disk', 'free_bytes'])
  if (machine !== null) return machine
  for (const rule of GPU_RULES) {
    for (const [place, row] of node.gpus.entries()) {
      const fault = rule(row, place, node.gpus)
      if (fault !== null) return { ...fault, path: ['gpus', place, ...fault.path] }
    }
  }
  return null
}

const GPU_RULES: readonly GpuRule[] = [memory, indexTwice, withoutCard, severalModes, anotherCount, tooManyParts, anotherPart]

function tooMuch(free: Size, total: Size, of: string, path: string[]): Fault | null {
  if (free === null || free === undefined || total === null || total === undefined || free <= total) return null
  return { path, message: `${free} is more than ${of}, ${total}` }
}

function memory({ vram_free_bytes: free, vram_total_bytes: total }: GpuRow): Fault | null {
  return tooMuch(free, total, 'vram_total_bytes', ['vram_free_bytes'])
}

function indexTwice(row: GpuRow, place: number, rows: GpuRow[]): Fault | null {
  const index = indexOf(row, place)
  const first = rows.findIndex((other, at) => indexOf(other, at) === index)
  return first === place ? null : { path: ['index'], message: `${index} is there twice` }
}

function withoutCard({ partition, card }: GpuRow): Fault | null {
  if (!isCut(partition) || card !== undefined) return null
  return { path: ['card'], message: `must number the physical card where the partition is ${partition}` }
}

function severalModes(row: GpuRow, place: number, rows: GpuRow[]): Fault | null {
  const other = rows.find((each, at) => cardOf(each, at) === cardOf(row, place) && (each.partition ?? null) !== (row.partition ?? null))
  if (other === undefined || !(isCut(row.partition) || isCut(other.partition))) return null
  return {
    path: ['partition'],
    message: `is ${row.partition ?? 'not told'}, and of another GPU of card ${cardOf(row, place)} it is ${other.partition ?? 'not told'}`,
  }
}

function anotherCount({ partition, partition_count: count }: GpuRow): Fault | null {
  const parts = partition ? partsOfMode(partition, null) : null
  return parts === null || (count ?? parts) === parts
    ? null
    : { path: ['partition_count'], message: `must be ${parts} where it is ${partition}` }
}

function tooManyParts(row: GpuRow, place: number, rows: GpuRow[]): Fault | null {
  if (!isCut(row.partition)) return null
  const shown = rows.filter((other, at) => cardOf(other, at) === cardOf(row, place)).length
  const count = partitionsOf(rows)[place]?.count ?? shown
  return shown <= count
    ? null
    : { path: ['card'], message: `${row.card} is that of ${shown} GPUs, and ${row.partition} has ${count} parts` }
}

function anotherPart(row: GpuRow, place: number, rows: GpuRow[]): Fault | null {
  if (!isCut(row.partition)) return null
  const parts = partitionsOf(rows)
  const { index, count } = parts[place] ?? { index: 0, count: 1 }
  if (index >= count) return { path: ['partition_index'], message: `must be below ${count}, the number of parts` }
  const first = rows.findIndex((other, at) => cardOf(other, at) === cardOf(row, place) && parts[at]?.index === index)
  return first === place ? null : { path: ['partition_index'], message: `${index} is there twice on card ${row.card}` }
}

function isCut(mode: GpuRow['partition']): boolean {
  return mode !== null && mode !== undefined && mode !== 'SPX'
}
