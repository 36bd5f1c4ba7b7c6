import type { Card } from '../../domain/hardware.js'
import type { Gpu, RocmVersions } from '../../domain/node.js'
import { groupByChip, pairDies, partOf } from './cards.js'
import { sickness } from './health.js'
import { identify, type Finding } from './identify.js'
import { join } from './join.js'
import { mixedCaptures } from './mixed-captures.js'
import { cutOf, LEAST_VRAM, type Cut } from './partitions.js'
import { merge, mergeVersions, NO_VERSIONS, SOURCES, type Problem, type Report, type Sighting } from './sighting.js'

/** GPUs of a node, with what could not be settled. */
export type FoundGpus = { gpus: Gpu[]; rocm: RocmVersions; problems: Problem[] }

/** Parts that are never integrated into a processor with little memory of its own. */
const ACCELERATOR = /^gfx9(0[8a]|4|5)/

type Chip = { gpus: Sighting[]; card: Card | null; arch: string | null; cut: Cut; findings: Finding[] }

/**
 * Settles what the sources say of one node. KFD decides which GPUs there are, because an engine opens them through it; where it says
 * nothing, the first of amd-smi, rocm-smi and rocminfo that can be believed. The others confirm or add facts; what they dispute is a problem.
 */
export function describeGpus(reports: Report[], cards: readonly Card[]): FoundGpus {
  const ordered = reports.toSorted((a, b) => SOURCES.indexOf(a.source) - SOURCES.indexOf(b.source))
  const problems = ordered.flatMap((report) => report.problems)
  const rocm = ordered.map((report) => report.rocm).reduce(mergeVersions, NO_VERSIONS)
  const base = ordered.find(({ sightings }) => sightings !== null)
  if (base?.sightings === undefined || base.sightings === null) {
    problems.push({ code: 'no_source', message: 'no source tells the GPUs of this node' })
    return { gpus: [], rocm, problems: distinct(problems) }
  }
  let gpus = inHipOrder(base, problems)
  for (const other of ordered) {
    if (other === base) continue
    problems.push(...mixedCaptures(base, other, cards))
    const joined = join(gpus, base.source, other, (gpu) => isIntegrated(gpu, cards))
    gpus = joined.gpus
    problems.push(...joined.problems)
  }
  return { rocm, ...assemble(gpus, cards, problems) }
}

/** HIP numbers all GPUs in the order of their KFD nodes, also those that we leave out. */
function inHipOrder({ source, sightings }: Report, problems: Problem[]): Sighting[] {
  const gpus = (sightings ?? []).toSorted((a, b) => a.number - b.number)
  const order = (['hipId', 'nodeId'] as const).map((key) => orderBy(gpus, key)).find((found) => found !== null)
  if (order === undefined) return gpus
  const moved = order.some((gpu, place) => gpu !== gpus[place])
  const nodes = order.map(({ nodeId }) => nodeId ?? -1)
  if (moved && nodes.some((node, place) => node !== (nodes[0] ?? 0) + place))
    problems.push({
      code: 'gpu_order',
      message: `${source} tells KFD nodes ${nodes.join(', ')}: some are missing, so the order of the GPUs may be another`,
    })
  return order
}

/** Null: not every GPU tells it, or several tell the same. */
function orderBy(gpus: Sighting[], key: 'hipId' | 'nodeId'): Sighting[] | null {
  const told = gpus.map((gpu) => gpu[key])
  return told.includes(null) || new Set(told).size < told.length ? null : gpus.toSorted((a, b) => (a[key] ?? 0) - (b[key] ?? 0))
}

function assemble(sightings: Sighting[], cards: readonly Card[], problems: Problem[]): { gpus: Gpu[]; problems: Problem[] } {
  const indexes = new Map(sightings.map((gpu, place) => [gpu, place]))
  const serving = sightings.filter((gpu) => !isIntegrated(gpu, cards) && !mayBeIntegrated(gpu, cards))
  const chips = groupByChip(serving).map((gpus) => chipOf(gpus, cards))
  const { physical, assumed } = cardsOf(chips)
  const findings = new Map<string, { finding: Finding; indexes: number[] }>()
  const note = (finding: Finding, gpus: Sighting[]): void => {
    const key = `${finding.code} ${finding.text}`
    const known = findings.get(key) ?? { finding, indexes: [] }
    findings.set(key, known)
    known.indexes.push(...gpus.map((gpu) => indexes.get(gpu) ?? 0))
  }
  for (const gpu of sightings.filter((each) => mayBeIntegrated(each, cards)))
    note(
      {
        code: 'gpu_memory',
        text: `${gpu.arch ?? (isUnidentified(gpu) ? 'a device of which nothing is known' : 'a device that is not in the hardware table')} does not show its memory, may be integrated and is left out`,
      },
      [gpu],
    )
  for (const gpu of sightings.filter((each) => isIntegrated(each, cards) && isUnidentified(each)))
    note({ code: 'gpu_memory', text: 'shows so little memory that it may be integrated, and is left out' }, [gpu])
  for (const chip of chips) for (const finding of [...chip.findings, ...chip.cut.findings]) note(finding, chip.gpus)
  if (assumed.length > 0)
    note(
      { code: 'card_assumed', text: 'no source tells which dies share a card: neighbours are taken as one' },
      assumed.flatMap(({ gpus }) => gpus),
    )
  for (const gpu of chips.flatMap(({ gpus }) => gpus)) for (const finding of sickness(gpu)) note(finding, [gpu])
  const gpus = chips
    .flatMap((chip) => chip.gpus.map((gpu, place) => describe(gpu, place, chip, indexes.get(gpu) ?? 0, physical.get(chip) ?? 0)))
    .toSorted((a, b) => a.index - b.index)
  const said = [...findings.values()].map(({ finding, indexes: of }) => ({
    code: finding.code,
    message: `GPU ${of.toSorted((a, b) => a - b).join(', ')}: ${finding.text}`,
  }))
  return { gpus, problems: distinct([...problems, ...said]) }
}

/** The parts of a chip are one device: secondary ones answer `N/A` for its ids. */
function chipOf(gpus: Sighting[], cards: readonly Card[]): Chip {
  const device = gpus.reduce(merge)
  const arches = new Set(gpus.map(({ arch }) => arch).filter((arch) => arch !== null))
  const identity = identify(
    device,
    gpus.flatMap(({ vram }) => vram.map(({ bytes }) => bytes)),
    cards,
  )
  const arch = device.arch ?? identity.card?.arch ?? null
  const findings = identity.note === null ? [] : [identity.note]
  if (new Set(gpus.map(({ deviceId }) => deviceId).filter((id) => id !== null)).size > 1 || arches.size > 1)
    findings.push({ code: 'model_disagrees', text: 'the parts of the card tell several device ids or instruction sets' })
  if (arch === null) findings.push({ code: 'arch_unknown', text: 'no source tells its instruction set' })
  return { gpus, card: identity.card, arch, cut: cutOf(gpus, identity.card, arch), findings }
}

/** Numbers of the physical cards, in the order of their GPUs. */
function cardsOf(chips: Chip[]): { physical: Map<Chip, number>; assumed: Chip[] } {
  const dies = chips.filter(({ card }) => card?.name === 'MI250X')
  const { pairs, assumed } = pairDies(dies)
  const physical = new Map<Chip, number>()
  for (const chip of chips) {
    if (physical.has(chip)) continue
    const number = new Set(physical.values()).size
    for (const die of pairs.find((pair) => pair.includes(chip)) ?? [chip]) physical.set(die, number)
  }
  return { physical, assumed: assumed ? dies : [] }
}

function describe(gpu: Sighting, place: number, { gpus: chip, card, arch, cut }: Chip, index: number, physical: number): Gpu {
  const { mode, memory, count, bytes } = cut
  // Used memory is that of the whole card where it is cut, so what is left of a share is at least this.
  const free =
    bytes === null || gpu.usedBytes === null || cut.findings.some(({ code }) => code === 'vram_from_table') ? null : bytes - gpu.usedBytes
  return {
    index,
    model: card?.name ?? null,
    arch: arch ?? 'unknown',
    vramTotalBytes: bytes ?? 0,
    vramFreeBytes: free === null ? null : Math.max(0, free),
    partition: mode === null ? null : { compute: mode, memory, index: partOf(gpu, place, chip, count), count },
    card: physical,
    bdf: gpu.bdf !== null && gpu.bdf.length > 7 ? gpu.bdf : null,
    hive: gpu.hive,
    health: gpu.health,
    processes: gpu.processes,
  }
}

/** Judged by what is printed: an integrated GPU has a little memory carved out for it, and is in no table of ours. */
function isIntegrated(gpu: Sighting, cards: readonly Card[]): boolean {
  if (gpu.vram.length === 0 || gpu.vram.some(({ bytes }) => bytes >= LEAST_VRAM)) return false
  return !ACCELERATOR.test(gpu.arch ?? '') && !isInTable(gpu, cards)
}

function isUnidentified({ arch, deviceId, names }: Sighting): boolean {
  return arch === null && deviceId === null && names.length === 0
}

/** A node of KFD of which nothing is left but that it computes. The tools of AMD list GPUs alone, so what they show is one in any case. */
function isNobody(gpu: Sighting): boolean {
  return isUnidentified(gpu) && gpu.nodeId !== null && gpu.bdf === null && gpu.uniqueId === null
}

/** A graphics card or a processor's own: nothing tells. */
function mayBeIntegrated(gpu: Sighting, cards: readonly Card[]): boolean {
  if (gpu.vram.length > 0 || isInTable(gpu, cards)) return false
  if (gpu.arch !== null) return !ACCELERATOR.test(gpu.arch)
  return gpu.deviceId !== null || isNobody(gpu)
}

function isInTable(gpu: Sighting, cards: readonly Card[]): boolean {
  return identify(gpu, [], cards).card !== null || cards.some(({ deviceIds }) => deviceIds.includes(gpu.deviceId ?? 0))
}

function distinct(problems: Problem[]): Problem[] {
  const seen = new Set<string>()
  return problems.filter(({ code, message }) => !seen.has(`${code} ${message}`) && seen.add(`${code} ${message}`))
}
