import type { Card } from '../../domain/hardware.js'
import { CHIPLETS, MODE_PARTS, partsOfMode } from '../../domain/partition-modes.js'
import { isWholeMemory, type Finding } from './identify.js'
import { partOf } from './cards.js'
import type { PrintedSize, Sighting } from './sighting.js'

/** How a chip is cut. `mode` null: it cannot be, or no source tells. `bytes`: share of each part; null: unknown. */
export type Cut = { mode: string | null; memory: string | null; count: number; bytes: number | null; findings: Finding[] }

/** No GPU that serves has less, and no part of one. */
export const LEAST_VRAM = 2 ** 30
const PARTITIONABLE = /^gfx9[45]/

/** The cut of one chip from all that is said of its parts. `printed` sizes may be those of a part or of the whole card; see `shareOf`. */
export function cutOf(chip: Sighting[], card: Card | null, arch: string | null): Cut {
  const findings: Finding[] = []
  const told = only(chip, 'compute', findings)
  const memory = only(chip, 'memory', findings)
  const printed = sizesOf(chip)
  if (!PARTITIONABLE.test(arch ?? '') && (told ?? 'SPX') === 'SPX')
    return { mode: told, memory, count: 1, findings, ...wholeSize(printed, card, findings) }
  const mode = told ?? shownMode(chip, card, printed)
  const count = countOf(chip, card, mode, findings)
  const parts = new Set(chip.map((gpu, place) => partOf(gpu, place, chip)))
  if (chip.length > count || parts.size < chip.length || [...parts].some((part) => part >= count)) {
    findings.push({
      code: 'partition_disagrees',
      text: `the mode ${mode ?? 'of the card'} has ${count} parts, and ${chip.length} are shown`,
    })
    return {
      mode: null,
      memory,
      count: Math.max(count, chip.length),
      findings,
      ...share(printed, Math.max(count, chip.length), memory, card, findings),
    }
  }
  if (chip.length < count)
    findings.push({ code: 'partitions_missing', text: `the card is cut into ${count} parts, and only ${chip.length} are shown` })
  return { mode, memory, count, findings, ...share(printed, count, memory, card, findings) }
}

/** What the parts agree on. */
function only(chip: Sighting[], key: 'compute' | 'memory', findings: Finding[]): string | null {
  const told = [...new Set(chip.map((gpu) => gpu[key]).filter((value) => value !== null))]
  if (told.length > 1) findings.push({ code: 'partition_disagrees', text: `the parts of the card tell several modes: ${told.join(', ')}` })
  return told.length === 1 ? (told[0] ?? null) : null
}

function sizesOf(chip: Sighting[]): PrintedSize[] {
  return chip.flatMap(({ vram }) => vram)
}

/** The mode where no tool tells it: from the number of parts that KFD shows, or the chiplets of each. */
function shownMode(chip: Sighting[], card: Card | null, printed: PrintedSize[]): string | null {
  const chiplets = card === null ? undefined : CHIPLETS[card.name]
  if (card === null || chiplets === undefined) return null
  const byKfd = printed.filter(({ source }) => source === 'kfd')
  const each = chip[0]?.xccs ?? null
  const whole = chip.length === 1 && byKfd.length > 0 && byKfd.every(({ bytes }) => isWholeMemory(bytes, card))
  const count = each === null ? (chip.length > 1 || whole ? chip.length : null) : chiplets / each
  if (count === null) return null
  if (count === chiplets) return 'CPX'
  return Object.entries(MODE_PARTS).find(([, parts]) => parts === count)?.[0] ?? null
}

function countOf(chip: Sighting[], card: Card | null, mode: string | null, findings: Finding[]): number {
  const shown = Math.max(chip.length, ...chip.map((gpu, place) => partOf(gpu, place, chip) + 1))
  if (mode === null) {
    if (shown > 1)
      findings.push({ code: 'partition_unknown', text: `the card is cut into parts, and no source tells how; ${shown} are shown` })
    return shown
  }
  return partsOfMode(mode, card?.name ?? null) ?? shown
}

type Size = { bytes: number | null }

/** Memory of a card that is not cut: what is printed, in the order of the sources, as far as it can be true of this card. */
function wholeSize(printed: PrintedSize[], card: Card | null, findings: Finding[]): Size {
  return settle(
    printed.map(({ bytes }) => bytes),
    card,
    card?.vramBytes ?? null,
    (bytes) => ((card === null ? bytes >= LEAST_VRAM : isWholeMemory(bytes, card)) ? bytes : null),
    findings,
  )
}

/**
 * Memory of each part: the card's divided by their number, never what is printed for it. In CPX with NPS1 the tools print all of the
 * card's for every part (ROCm/legacy-rocm-build#4750), others print the part's own or that of its memory domain.
 */
function share(printed: PrintedSize[], count: number, memory: string | null, card: Card | null, findings: Finding[]): Size {
  if (count === 1) return wholeSize(printed, card, findings)
  const domains = Number(memory?.slice(3) ?? 1)
  const partOfCard = (bytes: number, source: PrintedSize['source']): number | null => {
    if (card === null) return source === 'kfd' ? bytes : Math.floor(bytes / count)
    const pieces = [1, count, domains].find((pieceCount) => isWholeMemory(bytes * pieceCount, card))
    return pieces === undefined ? null : Math.floor((bytes * pieces) / count)
  }
  const shares = printed.map(({ bytes, source }) => partOfCard(bytes, source) ?? -1)
  return settle(
    shares,
    card,
    card === null ? null : Math.floor(card.vramBytes / count),
    (bytes) => (bytes >= LEAST_VRAM ? bytes : null),
    findings,
  )
}

/** The first size that can be true; the table's, said so, where there is none. Sizes that differ by more than rounding are said. */
function settle(
  sizes: number[],
  card: Card | null,
  ofTable: number | null,
  check: (bytes: number) => number | null,
  findings: Finding[],
): Size {
  const possible = sizes.map(check).filter((bytes) => bytes !== null)
  const [first] = possible
  if (first === undefined) {
    if (ofTable === null) {
      findings.push({ code: 'gpu_memory', text: 'no source tells its memory' })
      return { bytes: null }
    }
    const why = sizes.length === 0 ? 'no source tells its memory' : `no source tells a size that ${card?.name ?? 'it'} can have`
    findings.push({ code: 'vram_from_table', text: `${why}; that of the hardware table is taken` })
    return { bytes: ofTable }
  }
  const differs = possible.some((bytes) => Math.abs(bytes - first) > first * 0.02)
  if (differs || possible.length < sizes.length)
    findings.push({ code: 'vram_disagrees', text: `sources tell several sizes of its memory; ${first} bytes are taken` })
  return { bytes: first }
}
