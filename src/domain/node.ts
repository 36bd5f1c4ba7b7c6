import type { Backend } from './engine.js'

/** How a card is cut: `MI300X` in CPX is eight GPUs. `memory` is its NUMA mode (NPS1); `index` counts the parts of one card. */
export type Partition = { compute: string; memory: string | null; index: number; count: number }

/** Null: the driver does not say. */
export type GpuHealth = {
  temperatureCelsius: number | null
  powerWatts: number | null
  eccUncorrectable: number | null
  eccCorrectable: number | null
}

/** A GPU that an engine can be given, as the driver shows it. Memory in bytes. */
export type Gpu = {
  /** As HIP numbers it: what HIP_VISIBLE_DEVICES takes. */
  index: number
  /** Name in the hardware table; null: the device is not in it. */
  model: string | null
  arch: string
  /** 0: no source tells. */
  vramTotalBytes: number
  /** Null: the driver does not say. */
  vramFreeBytes: number | null
  /** Null: whole, or the driver does not say. */
  partition: Partition | null
  /** Number of the physical card; all its partitions and dies share it. */
  card: number
  /** PCI address, `0000:05:00.0`. */
  bdf: string | null
  /** GPUs of one hive reach each other by XGMI; null: by PCIe only, or unknown. */
  hive: string | null
  health: GpuHealth
  /** Processes that hold its memory. */
  processes: { pid: number; name: string | null; vramBytes: number | null }[]
  /** Why nobody is given it: leased to somebody, or in quarantine. Absent: it may be had. */
  withheld?: { by: 'lease' | 'quarantine'; endpoint: string | null; why: string }
}

/** Versions as the tools print them; null: not told, or not a version. */
export type RocmVersions = { driver: string | null; rocm: string | null }

/** Whether a backend can run on a node, and if not, why and what to do. */
export type BackendReadiness =
  | { backend: Backend; ready: true; version: string }
  | { backend: Backend; ready: false; reason: string; fix: string }

/** What a node has and can run, looked at now. Memory and disk in bytes. */
export type NodeInspection = {
  nodeId: string
  hostname: string
  cpus: number
  memoryTotalBytes: number
  memoryFreeBytes: number
  cacheDisk: { path: string; totalBytes: number; freeBytes: number }
  gpus: Gpu[]
  rocm: RocmVersions
  /** What the operator says of this node, `zone=a`. */
  labels: Record<string, string>
  /** Repositories whose weights lie on this node, whole. */
  cachedModels: string[]
  /** Why the list of GPUs may be incomplete; empty when it is certain. */
  problems: { code: string; message: string }[]
  backends: BackendReadiness[]
  /** The hardware is a captured inventory: nothing here is a real GPU. */
  simulated?: boolean
  /** Why nothing new is placed here; absent: it may be. */
  cordoned?: string
  /** Where other nodes fetch files from this one's cache; null: it serves none. */
  peerUrl: string | null
}
