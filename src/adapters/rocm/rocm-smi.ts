import type { Gpu } from '../../domain/node.js'
import { entriesOf } from './entries.js'
import { findJson } from './json-text.js'
import { modesOf } from './modes.js'
import { pciAddress } from './pci.js'
import { archOf, NO_VERSIONS, sighting, uniqueIdOf, versionOf, type Problem, type Report, type Sighting } from './sighting.js'
import { bytesOf, deviceIdOf, fieldsOf, measureOf, section, textOf, wholeOf, type Fields } from './values.js'

/** What `rocm-smi ... --json` of ROCm 5.x and 6.x says: a map of cards whose values are all strings. `knownIds`: PCI ids of the hardware table. */
export function readRocmSmi(text: string, knownIds: ReadonlySet<number>): Report {
  const nothing = (code: string, message: string): Report => ({
    source: 'rocm-smi',
    sightings: null,
    rocm: NO_VERSIONS,
    problems: [{ code, message: `rocm-smi: ${message}` }],
  })
  const json = findJson(text)
  if ('refusal' in json) return nothing('rocm_smi_unreadable', json.refusal)
  const found = entriesOf(json.value)
  if ('error' in found) return nothing('rocm_smi_error', found.error)
  const system = section(fieldsOf(json.value) ?? new Map(), 'system')
  const rocm = { driver: versionOf(textOf(system, 'driverversion')), rocm: versionOf(textOf(system, 'rocmversion')) }
  const cards = found.entries.filter(({ fields }) => !fields.has('system'))
  // Without GPUs it prints an empty table and looks successful (ROCm/legacy-rocm-build#5736).
  if (cards.length === 0) return { ...nothing('rocm_smi_empty', 'it shows no GPU'), rocm }
  const numbers = cards.map(({ number }, place) => number ?? place)
  const problems: Problem[] = []
  if (new Set(numbers).size < numbers.length) return { ...nothing('gpu_numbers', 'it gives one number to several GPUs'), rocm }
  if (numbers.toSorted((a, b) => a - b).some((number, place) => number !== place))
    problems.push({ code: 'gpu_numbers', message: `rocm-smi numbers its GPUs ${numbers.join(', ')}: others may be missing` })
  if (cards.some(({ fields }) => modesOf(fields).contradiction))
    problems.push({ code: 'partition_disagrees', message: 'rocm-smi tells several partition modes of one GPU' })
  if (found.damaged > 0) problems.push({ code: 'entry_damaged', message: `rocm-smi: ${found.damaged} of its cards cannot be read` })
  const processes = processesOf(system)
  const sightings = cards.map(({ fields }, place) => {
    const number = numbers[place] ?? place
    return {
      ...sightingOf(number, fields, knownIds),
      processes: processes.filter(({ gpu }) => gpu === number).map(({ process }) => process),
    }
  })
  return { source: 'rocm-smi', sightings: sightings.toSorted((a, b) => a.number - b.number), rocm, problems }
}

function sightingOf(number: number, fields: Fields, knownIds: ReadonlySet<number>): Sighting {
  const { compute, memory } = modesOf(fields)
  const total = bytesOf(fields, 'b', 'vramtotalmemoryb')
  return sighting({
    number,
    bdf: pciAddress(textOf(fields, 'pcibus')),
    uniqueId: uniqueIdOf(textOf(fields, 'uniqueid')),
    nodeId: wholeOf(fields, 'nodeid'),
    kfdId: wholeOf(fields, 'guid'),
    deviceId: deviceIdIn(fields, knownIds),
    names: [textOf(fields, 'cardseries'), textOf(fields, 'devicename')].filter((name) => name !== null),
    arch: archOf(textOf(fields, 'gfxversion')),
    vram: total === null ? [] : [{ source: 'rocm-smi', bytes: total }],
    usedBytes: bytesOf(fields, 'b', 'vramtotalusedmemoryb'),
    compute,
    memory,
    partitionId: wholeOf(fields, 'partitionid'),
    board: textOf(fields, 'serialnumber'),
    health: {
      temperatureCelsius: measureOf(fields, [-40, 200], 'temperaturesensorjunctionc', 'temperaturesensoredgec'),
      powerWatts: measureOf(fields, [0, 3000], 'currentsocketgraphicspackagepowerw', 'averagegraphicspackagepowerw'),
      eccUncorrectable: null,
      eccCorrectable: null,
    },
  })
}

/** `Card Model` is the device id in 6.x and that of the subsystem in 5.x: it counts only where nothing else tells, and it is an id that we know. */
function deviceIdIn(fields: Fields, knownIds: ReadonlySet<number>): number | null {
  const told = deviceIdOf(fields, 'deviceid', 'gpuid')
  const model = deviceIdOf(fields, 'cardmodel')
  return told ?? (model !== null && knownIds.has(model) ? model : null)
}

/** `"PID28389": "llama-server, 1, 2353860608, 11011, 0"`: name, number of GPUs, bytes. Which GPU is told only where there is one. */
function processesOf(system: Fields): { gpu: number; process: Gpu['processes'][number] }[] {
  return [...system].flatMap(([key, value]) => {
    const pid = Number(/^pid(\d{1,9})$/.exec(key)?.[1] ?? 0)
    const [name, gpus, vram] = typeof value === 'string' ? value.split(/, */) : []
    if (pid === 0 || gpus !== '1') return []
    return [
      {
        gpu: 0,
        process: { pid, name: name === 'UNKNOWN' ? null : (name ?? null), vramBytes: /^\d+$/.test(vram ?? '') ? Number(vram) : null },
      },
    ]
  })
}
