import { functionOf, withoutFunction } from './pci.js'
import type { Sighting } from './sighting.js'

/**
 * GPUs by the chip that they are parts of: one `unique_id`, or one PCI device whose function digit counts its partitions. Where neither
 * is told, partition numbers that begin anew show where the next chip begins.
 */
export function groupByChip(gpus: Sighting[]): Sighting[][] {
  const chips: Sighting[][] = []
  for (const gpu of gpus) {
    const known = chips.find((chip) => chip.some((other) => sameChip(gpu, other))) ?? continued(gpu, chips.at(-1))
    if (known === undefined) chips.push([gpu])
    else known.push(gpu)
  }
  return chips
}

function sameChip(one: Sighting, other: Sighting): boolean {
  const sameDevice = one.bdf !== null && other.bdf !== null && withoutFunction(one.bdf) === withoutFunction(other.bdf)
  if (one.uniqueId !== null && other.uniqueId !== null)
    return one.uniqueId === other.uniqueId && (sameDevice || one.bdf === null || other.bdf === null)
  return sameDevice
}

/** Without id and address: the next number of the chip before. */
function continued(gpu: Sighting, last: Sighting[] | undefined): Sighting[] | undefined {
  const before = last?.at(-1)
  if (before === undefined || gpu.bdf !== null || before.bdf !== null || (gpu.uniqueId !== null && before.uniqueId !== null))
    return undefined
  return gpu.partitionId !== null && gpu.partitionId > 0 && gpu.partitionId === (before.partitionId ?? -2) + 1 ? last : undefined
}

/** Which part of its chip a GPU is: as the source counts them, else the function digit. A function alone may be that of a virtual GPU. */
export function partOf(gpu: Sighting, place: number, chip: Sighting[], count = 1): number {
  if (chip.length === 1) return gpu.partitionId ?? (count > 1 && gpu.bdf !== null ? functionOf(gpu.bdf) % count : 0)
  const counted = chip.map(({ partitionId }) => partitionId)
  if (counted.every((id) => id !== null) && new Set(counted).size === chip.length) return gpu.partitionId ?? place
  const digits = chip.map(({ bdf }) => (bdf === null ? -1 : functionOf(bdf)))
  return new Set(digits).size === chip.length && !digits.includes(-1) ? (digits[place] ?? place) : place
}

/** Pairs of dies, and whether that is told or only assumed from their order. */
export type Dies<Die> = { pairs: Die[][]; assumed: boolean }

/**
 * The cards of chips that come two a card (MI250X): dies of one card share an id or the serial number of its board, or have their widest
 * link to each other. Where no source tells either, neighbours in PCI order are taken as one card, and that is said.
 */
export function pairDies<Die extends { gpus: Sighting[] }>(dies: Die[]): Dies<Die> {
  const pairs: Die[][] = []
  const left = new Set(dies)
  const take = (...pair: Die[]): void => {
    pairs.push(pair)
    for (const die of pair) left.delete(die)
  }
  for (const tell of [sameBoard, nearestToEachOther]) {
    for (const die of dies) {
      const others = [...left].filter((other) => other !== die && tell(die.gpus[0], other.gpus[0]))
      if (left.has(die) && others.length === 1 && others[0] !== undefined) take(die, others[0])
    }
  }
  const assumed = left.size > 1
  const rest = [...left].toSorted((a, b) => compare(a.gpus[0]?.bdf ?? '', b.gpus[0]?.bdf ?? ''))
  for (let place = 0; place < rest.length; place += 2) take(...rest.slice(place, place + 2))
  return { pairs, assumed }
}

function sameBoard(one: Sighting | undefined, other: Sighting | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return (one.board !== null && one.board === other.board) || (one.uniqueId !== null && one.uniqueId === other.uniqueId)
}

function nearestToEachOther(one: Sighting | undefined, other: Sighting | undefined): boolean {
  return one?.nearestNode !== undefined && one.nearestNode !== null && one.nearestNode === other?.nodeId && other.nearestNode === one.nodeId
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
