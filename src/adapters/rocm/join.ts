import { sameAddress } from './pci.js'
import { merge, type Problem, type Report, type Sighting } from './sighting.js'

/** Facts that tell one GPU from another, and when two of them are the same. */
const KEYS: { key: 'bdf' | 'nodeId' | 'kfdId' | 'uniqueId'; same: (one: never, other: never) => boolean }[] = [
  { key: 'bdf', same: sameAddress },
  { key: 'nodeId', same: Object.is },
  { key: 'kfdId', same: Object.is },
  { key: 'uniqueId', same: Object.is },
]

export type Joined = { gpus: Sighting[]; problems: Problem[] }

/**
 * Adds what `other` says to the GPUs that are known. It never adds a GPU: one that only a later source shows is a problem, because an
 * engine could not open it. `ignorable` tells GPUs that may be missing on either side.
 */
export function join(gpus: Sighting[], base: string, { source, sightings }: Report, ignorable: (gpu: Sighting) => boolean): Joined {
  if (sightings === null) return { gpus, problems: [] }
  const problems: Problem[] = []
  const partners = new Map<Sighting, Sighting>()
  const unmatched: Sighting[] = []
  for (const each of sightings) {
    const found = matchesOf(each, gpus, sightings)
    const [gpu] = found
    if (found.size === 1 && gpu !== undefined && !partners.has(gpu)) partners.set(gpu, each)
    else if (found.size > 1)
      problems.push(disagrees(`${source} and ${base} do not mean the same GPU by number ${each.number} of ${source}`))
    else unmatched.push(each)
  }
  const strangers = unmatched.filter((each) => !ignorable(each))
  const alone = gpus.filter((gpu) => !partners.has(gpu))
  if (strangers.length > 0 && strangers.every(isNameless) && pairInOrder(alone, unmatched, partners)) {
    // paired by their place in PCI order, which is how the tools number them
  } else {
    const left = gpus.filter((gpu) => !partners.has(gpu) && !ignorable(gpu))
    if (strangers.length > 0)
      problems.push(disagrees(`${source} shows ${count(strangers)} that ${base} does not show; an engine cannot count on it`))
    if (left.length > 0 && problems.length === 0) problems.push(disagrees(`${source} does not show ${count(left)} that ${base} shows`))
  }
  const merged = gpus.map((gpu) => {
    const partner = partners.get(gpu)
    if (partner === undefined) return gpu
    problems.push(...contradictions(gpu, partner, base, source))
    return merge(gpu, partner)
  })
  return { gpus: merged, problems }
}

/** The GPUs that its keys point at; a key that several share, as the address of partitions in some versions, tells nothing. */
function matchesOf(each: Sighting, gpus: Sighting[], peers: Sighting[]): Set<Sighting> {
  const found = new Set<Sighting>()
  for (const { key, same } of KEYS) {
    const value = each[key]
    if (value === null) continue
    const is = (other: Sighting): boolean => other[key] !== null && same(value as never, other[key] as never)
    const [match, ...more] = gpus.filter(is)
    if (match !== undefined && more.length === 0 && peers.filter(is).length === 1) found.add(match)
  }
  return found
}

function isNameless(gpu: Sighting): boolean {
  return KEYS.every(({ key }) => gpu[key] === null)
}

/** Only GPUs of one kind: with several, a wrong order would give one the memory of another. */
function pairInOrder(alone: Sighting[], unmatched: Sighting[], partners: Map<Sighting, Sighting>): boolean {
  const kinds = new Set(alone.map(({ deviceId, arch }) => `${deviceId} ${arch}`))
  if (alone.length !== unmatched.length || kinds.size > 1) return false
  const addresses = alone.map(({ bdf }) => bdf)
  const ordered = addresses.includes(null) ? alone : alone.toSorted((a, b) => ((a.bdf ?? '') < (b.bdf ?? '') ? -1 : 1))
  const numbered = unmatched.toSorted((a, b) => a.number - b.number)
  for (const [place, gpu] of ordered.entries()) {
    const partner = numbered[place]
    if (partner !== undefined) partners.set(gpu, partner)
  }
  return true
}

function contradictions(gpu: Sighting, other: Sighting, base: string, source: string): Problem[] {
  const keys = ['deviceId', 'arch', 'compute', 'memory'] as const
  return keys.flatMap((key) => {
    const [one, two] = [gpu[key], other[key]]
    if (one === null || two === null || one === two) return []
    return [disagrees(`GPU ${gpu.number}: ${key} is ${one} by ${base} and ${two} by ${source}`)]
  })
}

function disagrees(message: string): Problem {
  return { code: 'sources_disagree', message }
}

function count(gpus: Sighting[]): string {
  return gpus.length === 1 ? 'a GPU' : `${gpus.length} GPUs`
}
