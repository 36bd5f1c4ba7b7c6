import type { Card } from '../../domain/hardware.js'
import { identify } from './identify.js'
import type { Problem, Report, Sighting } from './sighting.js'

/** Two sources that have no instruction set in common do not speak of one machine: captures of several were put together. */
export function mixedCaptures(base: Report, other: Report, cards: readonly Card[]): Problem[] {
  const [ours, theirs] = [base, other].map(({ sightings }) => archesOf(sightings ?? [], cards))
  if (ours === undefined || theirs === undefined || ours.length === 0 || theirs.length === 0) return []
  if (theirs.some((arch) => ours.includes(arch))) return []
  const message =
    `${base.source} shows ${ours.join(', ')} and ${other.source} shows ${theirs.join(', ')}: ` +
    'the instruction sets contradict each other, as captures of different machines do'
  return [{ code: 'arch_disagrees', message }]
}

/** As told, or by the card that it is. Empty where one GPU tells neither: it may be the one in common. */
function archesOf(gpus: Sighting[], cards: readonly Card[]): string[] {
  const told = gpus.map((gpu) => gpu.arch ?? identify(gpu, [], cards).card?.arch ?? null)
  return told.includes(null) ? [] : [...new Set(told.filter((arch) => arch !== null))].toSorted()
}
