import type { GpuHealth, Gpu, RocmVersions } from '../../domain/node.js'

/** Where a fact comes from, in the order in which each is believed: KFD decides what an engine can open. */
export const SOURCES = ['kfd', 'amd-smi', 'rocm-smi', 'rocminfo'] as const
export type Source = (typeof SOURCES)[number]

export type Problem = { code: string; message: string }

/** A size as a source prints it, in bytes: of a partition perhaps that of the whole card. */
export type PrintedSize = { source: Source; bytes: number }

/** What one source says of one GPU. Null: it does not say. Memory in bytes. */
export type Sighting = {
  /** In the source's own counting. */
  number: number
  /** As HIP counts it, where the source knows. */
  hipId: number | null
  /** PCI address; without its domain where the source does not tell that. */
  bdf: string | null
  /** Of the chip, 16 hex digits; all its partitions share it. */
  uniqueId: string | null
  /** Number of its KFD node. */
  nodeId: number | null
  /** KFD's own id of the GPU (`gpu_id`). */
  kfdId: number | null
  deviceId: number | null
  /** Market names, the most trusted first. */
  names: string[]
  arch: string | null
  vram: PrintedSize[]
  usedBytes: number | null
  compute: string | null
  memory: string | null
  partitionId: number | null
  /** Chiplets that it computes on. */
  xccs: number | null
  hive: string | null
  /** Serial number of the board: the dies of one card share it. */
  board: string | null
  /** KFD node that it has the widest link to: the other die of its card. */
  nearestNode: number | null
  health: GpuHealth
  /** From where on it slows itself down, at its hottest spot. */
  slowdownCelsius: number | null
  processes: Gpu['processes']
}

/** All that one source says. `null` GPUs: it cannot be believed on what there is. */
export type Report = { source: Source; sightings: Sighting[] | null; rocm: RocmVersions; problems: Problem[] }

const NO_HEALTH: GpuHealth = { temperatureCelsius: null, powerWatts: null, eccUncorrectable: null, eccCorrectable: null }
export const NO_VERSIONS: RocmVersions = { driver: null, rocm: null }

const NOTHING: Omit<Sighting, 'number'> = {
  hipId: null,
  bdf: null,
  uniqueId: null,
  nodeId: null,
  kfdId: null,
  deviceId: null,
  names: [],
  arch: null,
  vram: [],
  usedBytes: null,
  compute: null,
  memory: null,
  partitionId: null,
  xccs: null,
  hive: null,
  board: null,
  nearestNode: null,
  health: NO_HEALTH,
  slowdownCelsius: null,
  processes: [],
}

export function sighting(facts: Partial<Sighting> & Pick<Sighting, 'number'>): Sighting {
  return { ...NOTHING, ...facts }
}

/** Two views of one GPU as one: what the first does not tell is taken from the second. */
export function merge(first: Sighting, second: Sighting): Sighting {
  const merged = Object.entries(first).map(([key, value]) => [key, value ?? second[key as keyof Sighting]])
  return {
    ...(Object.fromEntries(merged) as Sighting),
    names: [...new Set([...first.names, ...second.names])],
    vram: [...first.vram, ...second.vram],
    health: mergeHealth(first.health, second.health),
    processes: first.processes.length > 0 ? first.processes : second.processes,
  }
}

function mergeHealth(first: GpuHealth, second: GpuHealth): GpuHealth {
  return {
    temperatureCelsius: first.temperatureCelsius ?? second.temperatureCelsius,
    powerWatts: first.powerWatts ?? second.powerWatts,
    eccUncorrectable: first.eccUncorrectable ?? second.eccUncorrectable,
    eccCorrectable: first.eccCorrectable ?? second.eccCorrectable,
  }
}

export function mergeVersions(first: RocmVersions, second: RocmVersions): RocmVersions {
  return { driver: first.driver ?? second.driver, rocm: first.rocm ?? second.rocm }
}

/** A version as tools print it; null for what is none, as the kernel banner that some print instead (ROCm/k8s-device-plugin#157). */
export function versionOf(text: string | null): string | null {
  return text !== null && /^v?\d+(\.\d+){1,3}([-+~.][\w.+~-]{1,40})?$/.test(text) ? text : null
}

/** `gfx9010` and `gfx9008` are how tools before ROCm 6.4 write gfx90a and gfx908 (ROCm/rocm_smi_lib#159). */
const MISSPELT: Readonly<Record<string, string>> = { gfx9010: 'gfx90a', gfx9008: 'gfx908' }

/** The instruction set, right where a tool misspells it; null for what is none. */
export function archOf(text: string | null): string | null {
  const arch = /gfx[0-9a-f]{3,5}(?![0-9a-z])/i.exec(text ?? '')?.[0].toLowerCase()
  return arch === undefined ? null : (MISSPELT[arch] ?? arch)
}

/** 16 hex digits; tools print more or fewer zeros before them. Null for what is no id, and for zero. */
export function uniqueIdOf(text: string | null): string | null {
  const [, digits] = /^(?:0x|gpu-)?([0-9a-f]{4,16})$/i.exec(text ?? '') ?? []
  if (digits === undefined || /^0+$/.test(digits)) return null
  return digits.toLowerCase().padStart(16, '0')
}
