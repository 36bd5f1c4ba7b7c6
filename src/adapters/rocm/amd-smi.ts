import type { Gpu, GpuHealth } from '../../domain/node.js'
import { entriesOf, type Entry } from './entries.js'
import { findJson } from './json-text.js'
import { modesOf } from './modes.js'
import { pciAddress } from './pci.js'
import {
  archOf,
  merge,
  mergeVersions,
  NO_VERSIONS,
  sighting,
  uniqueIdOf,
  versionOf,
  type Problem,
  type Report,
  type Sighting,
} from './sighting.js'
import { bytesOf, deviceIdOf, fieldsOf, measureOf, section, textOf, wholeOf, type Fields } from './values.js'

/** What `amd-smi VERB --json` printed on standard output, by verb. */
export type AmdSmiTexts = Partial<Record<'list' | 'static' | 'metric' | 'version' | 'process', string>>

const CELSIUS = [-40, 200] as const
const WATTS = [0, 3000] as const
const ERRORS = [0, Number.MAX_SAFE_INTEGER] as const

/** In the order in which they are believed of a GPU. */
const VERBS = ['static', 'list', 'metric'] as const

/** What amd-smi of ROCm 6.0 to 7.x says. Its verbs number the GPUs alike. */
export function readAmdSmi(texts: AmdSmiTexts): Report {
  const problems: Problem[] = []
  const views = VERBS.flatMap((verb) => {
    const entries = entriesIn(texts, verb, problems)
    return entries === null ? [] : [{ verb, sightings: entries.map(({ number, fields }) => READERS[verb](number, fields)) }]
  })
  const counts = views.map(({ verb, sightings }) => `${verb} ${sightings.length}`)
  if (new Set(views.map(({ sightings }) => sightings.length)).size > 1)
    problems.push({ code: 'amd_smi_disagrees', message: `amd-smi shows another number of GPUs by verb: ${counts.join(', ')}` })
  const numbers = trusted(views.map(({ sightings }) => sightings.map(({ number }) => number)))
  if (numbers.some((number, place) => number !== place))
    problems.push({ code: 'gpu_numbers', message: `amd-smi numbers its GPUs ${numbers.join(', ')}: some are missing` })
  const processes = processesIn(texts, problems)
  const merged = numbers.map((number) => {
    const all = views.flatMap(({ sightings }) => sightings.filter((each) => each.number === number))
    problems.push(...contradictions(number, all))
    return { ...all.reduce(merge), processes: processes.get(number) ?? [] }
  })
  return { source: 'amd-smi', sightings: merged.length > 0 ? merged : null, rocm: versionsIn(texts, problems), problems }
}

/**
 * The GPUs that there are, by the verb that shows the most of those that number them without a gap, else by the one that shows the
 * most. A number that only another verb has is no GPU.
 */
function trusted(views: number[][]): number[] {
  const ordered = views.map((numbers) => numbers.toSorted((a, b) => a - b)).toSorted((a, b) => b.length - a.length)
  return ordered.find((numbers) => numbers.every((number, place) => number === place)) ?? ordered[0] ?? []
}

const READERS: Record<(typeof VERBS)[number], (number: number, fields: Fields) => Sighting> = {
  static(number, fields) {
    const asic = section(fields, 'asic')
    return sighting({
      number,
      ...identityOf(fields),
      bdf: pciAddress(textOf(section(fields, 'bus'), 'bdf') ?? textOf(fields, 'bdf')),
      uniqueId: uniqueIdOf(textOf(asic, 'asicserial')),
      deviceId: deviceIdOf(asic, 'deviceid') ?? deviceIdOf(fields, 'deviceid'),
      names: [textOf(asic, 'marketname'), textOf(section(fields, 'board'), 'productname')].filter((name) => name !== null),
      arch: archOf(textOf(asic, 'targetgraphicsversion')),
      vram: sizes(bytesOf(section(fields, 'vram'), 'mb', 'size', 'vramsize', 'totalvram')),
      board: textOf(section(fields, 'board'), 'productserial'),
      slowdownCelsius: measureOf(section(fields, 'limit'), CELSIUS, 'slowdownhotspottemperature'),
      ...partitionOf(fields),
    })
  },
  list: (number, fields) => sighting({ number, ...identityOf(fields), bdf: pciAddress(textOf(fields, 'bdf')), ...partitionOf(fields) }),
  metric(number, fields) {
    const memory = section(fields, 'memusage', 'memoryusage', 'vram')
    const free = bytesOf(memory, 'mb', 'freevram')
    const total = bytesOf(memory, 'mb', 'totalvram')
    return sighting({
      number,
      ...identityOf(fields),
      bdf: pciAddress(textOf(fields, 'bdf')),
      vram: sizes(total),
      usedBytes: bytesOf(memory, 'mb', 'usedvram') ?? (total !== null && free !== null && free <= total ? total - free : null),
      health: healthOf(fields),
    })
  },
}

function identityOf(fields: Fields): Pick<Sighting, 'hipId' | 'nodeId' | 'kfdId'> {
  return { hipId: wholeOf(fields, 'hipid'), nodeId: wholeOf(fields, 'nodeid'), kfdId: wholeOf(fields, 'kfdid') }
}

function partitionOf(fields: Fields): Pick<Sighting, 'compute' | 'memory' | 'partitionId'> {
  const { compute, memory } = modesOf(fields)
  return { compute, memory, partitionId: wholeOf(section(fields, 'partition'), 'partitionid') ?? wholeOf(fields, 'partitionid') }
}

function healthOf(fields: Fields): GpuHealth {
  const ecc = section(fields, 'ecc')
  return {
    temperatureCelsius: measureOf(section(fields, 'temperature'), CELSIUS, 'hotspot', 'junction', 'edge'),
    powerWatts: measureOf(section(fields, 'power'), WATTS, 'socketpower', 'currentsocketpower', 'averagesocketpower'),
    eccUncorrectable: measureOf(ecc, ERRORS, 'totaluncorrectablecount', 'totaluncorrectable'),
    eccCorrectable: measureOf(ecc, ERRORS, 'totalcorrectablecount', 'totalcorrectable'),
  }
}

function sizes(bytes: number | null): Sighting['vram'] {
  return bytes === null ? [] : [{ source: 'amd-smi', bytes }]
}

type NumberedEntry = Entry & { number: number }

/** Null: this verb says nothing that can be believed. Entries without a number take the first that is free. */
function entriesIn(texts: AmdSmiTexts, verb: keyof AmdSmiTexts, problems: Problem[]): NumberedEntry[] | null {
  const text = texts[verb]
  if (text === undefined) return null
  if (/missing the following required groups/i.test(text))
    problems.push({ code: 'missing_groups', message: `amd-smi ${verb} hides facts: give the user the groups render and video` })
  const problem = (code: string, message: string): null => {
    problems.push({ code, message: `amd-smi ${verb}: ${message}` })
    return null
  }
  const json = findJson(text)
  if ('refusal' in json) return problem('amd_smi_unreadable', `${json.refusal}${firstLine(text)}`)
  const found = entriesOf(json.value)
  if ('error' in found) return problem('amd_smi_error', found.error)
  if (found.damaged > 0) problem('entry_damaged', `${found.damaged} of its entries cannot be read`)
  if (found.entries.length === 0) return problem('amd_smi_empty', 'it shows no GPU')
  const taken = new Set(found.entries.map(({ number }) => number).filter((number) => number !== null))
  const numbered = found.entries.map(({ number, fields }) => {
    if (number !== null) return { number, fields }
    const free = found.entries.findIndex((_, place) => !taken.has(place))
    taken.add(free)
    problem('gpu_numbers', `an entry has no number and is taken as GPU ${free}`)
    return { number: free, fields }
  })
  if (new Set(numbered.map(({ number }) => number)).size < numbered.length)
    return problem('gpu_numbers', 'it gives one number to several GPUs')
  if (numbered.some(({ fields }) => modesOf(fields).contradiction))
    problem('partition_disagrees', 'it tells several partition modes of one GPU')
  return numbered
}

/** Verbs tell one GPU apart by its address, its node and its mode: where they differ, the number means different GPUs. */
function contradictions(number: number, views: Sighting[]): Problem[] {
  const keys = ['bdf', 'nodeId', 'kfdId', 'compute', 'partitionId'] as const
  return keys.flatMap((key) => {
    const told = [...new Set(views.map((view) => view[key]).filter((value) => value !== null))]
    return told.length < 2 ? [] : [{ code: 'amd_smi_disagrees', message: `amd-smi gives GPU ${number} several ${key}: ${told.join(', ')}` }]
  })
}

function versionsIn(texts: AmdSmiTexts, problems: Problem[]): Report['rocm'] {
  return mergeVersions(versionVerb(texts, problems), driverOfStatic(texts))
}

function versionVerb({ version: text }: AmdSmiTexts, problems: Problem[]): Report['rocm'] {
  if (text === undefined) return NO_VERSIONS
  const json = findJson(text)
  if ('refusal' in json) {
    const printed = (label: string): string | null => versionOf(new RegExp(`${label}: *([^|\\s]+)`, 'i').exec(text)?.[1] ?? null)
    const told = { driver: printed('amdgpu version'), rocm: printed('ROCm version') }
    if (told.driver === null && told.rocm === null)
      problems.push({ code: 'amd_smi_unreadable', message: `amd-smi version: ${json.refusal}${firstLine(text)}` })
    return told
  }
  const fields = fieldsOf(Array.isArray(json.value) ? json.value[0] : json.value)
  if (fields === null) return NO_VERSIONS
  if (fields.has('error')) problems.push({ code: 'amd_smi_error', message: `amd-smi version: ${textOf(fields, 'error') ?? 'an error'}` })
  return { driver: versionOf(textOf(fields, 'amdgpuversion')), rocm: versionOf(textOf(fields, 'rocmversion')) }
}

function driverOfStatic({ static: text }: AmdSmiTexts): Report['rocm'] {
  const json = findJson(text ?? '')
  const found = 'value' in json ? entriesOf(json.value) : { error: '' }
  const drivers = 'entries' in found ? found.entries.map(({ fields }) => section(fields, 'driver')) : []
  const versions = drivers.map((driver) => versionOf(textOf(driver, 'version', 'driverversion')))
  return { driver: versions.find((version) => version !== null) ?? null, rocm: null }
}

function processesIn(texts: AmdSmiTexts, problems: Problem[]): Map<number, Gpu['processes']> {
  const list = entriesIn(texts, 'process', problems) ?? []
  return new Map(
    list.map(({ number, fields }) => {
      const listed = fields.get('processlist') ?? fields.get('processes') ?? fields.get('processinfo')
      return [number, (Array.isArray(listed) ? listed : [listed]).flatMap(processOf)]
    }),
  )
}

/** A process without a number is nobody whom one could ask. */
function processOf(entry: unknown): Gpu['processes'] {
  const outer = fieldsOf(entry)
  if (outer === null) return []
  const info = outer.has('processinfo') ? section(outer, 'processinfo') : outer
  const pid = wholeOf(info, 'pid', 'processid')
  if (pid === null || pid === 0) return []
  const memory = section(info, 'memoryusage', 'memusage')
  return [
    {
      pid,
      name: textOf(info, 'name', 'processname'),
      vramBytes: bytesOf(memory, 'b', 'vrammem') ?? bytesOf(info, 'b', 'memusage', 'memoryusage', 'vrammem'),
    },
  ]
}

/** What the tool said instead of JSON, for the message. */
function firstLine(text: string): string {
  const line = text.split('\n').find((each) => each.trim() !== '')
  return line === undefined || /^\s*[[{]/.test(line) ? '' : `: ${line.trim().slice(0, 200)}`
}
