import { z } from 'zod'
import { BACKENDS } from '../domain/engine.js'
import type { BackendReadiness, Gpu, NodeInspection } from '../domain/node.js'
import { validate } from './validate.js'

const Bytes = z
  .number()
  .min(0)
  .max(2 ** 60, 'is more than any machine has')
const Whole = z
  .int()
  .min(0)
  .max(2 ** 31)
const Text = z.string().max(1000)

const GpuRow = z.object({
  index: Whole.optional(),
  model: Text.nullish(),
  arch: z.string().regex(/^(gfx[0-9a-f]{3,5}|unknown)$/, 'must be like gfx942'),
  vram_total_bytes: Bytes.nullable(),
  vram_free_bytes: Bytes.nullish(),
  /** Compute mode of the card; null: not told. */
  partition: z.string().max(16).nullish(),
  partition_index: Whole.nullish(),
  partition_count: z.int().min(1).max(64).nullish(),
  memory_partition: z.string().max(16).nullish(),
  card: Whole.optional(),
  bdf: Text.nullish(),
  hive: Text.nullish(),
  health: z
    .object({
      temperature_celsius: z.number().nullish(),
      power_watts: z.number().nullish(),
      ecc_uncorrectable: z.number().nullish(),
      ecc_correctable: z.number().nullish(),
    })
    .nullish(),
  processes: z.array(z.object({ pid: Whole, name: Text.nullish(), vram_bytes: Bytes.nullish() })).optional(),
})

const BackendRow = z.object({
  backend: z.enum(BACKENDS),
  ready: z.boolean(),
  version: Text.nullish(),
  reason: Text.nullish(),
  fix: Text.nullish(),
})

const MachineFields = {
  node_id: Text.nullish(),
  hostname: Text.nullish(),
  cpus: z.number().min(0).max(65_536).nullish(),
  memory_total_bytes: Bytes.nullish(),
  memory_free_bytes: Bytes.nullish(),
  cache_disk: z.object({ path: Text, total_bytes: Bytes, free_bytes: Bytes }).nullish(),
  labels: z.record(z.string().max(100), Text).nullish(),
  backends: z.array(BackendRow).nullish(),
  cached_models: z.array(Text).nullish(),
}

/** `machine.json` of a capture: what is known of the machine beside its GPUs. `kfd`: whether its compute driver could be opened. */
export const MachineFile = z.object({ ...MachineFields, kfd: z.enum(['absent', 'denied', 'usable']).nullish() })
export type MachineFile = z.infer<typeof MachineFile>

/** One node as `aim node inspect --json` prints it. */
export const InspectedNode = z.object({
  ...MachineFields,
  rocm: z.object({ driver: Text.nullish(), rocm: Text.nullish() }).nullish(),
  gpus: z.array(GpuRow).max(1024),
  problems: z.array(z.object({ code: Text, message: z.string() })).optional(),
})
export type InspectedNode = z.infer<typeof InspectedNode>

type GpuFacts = Pick<NodeInspection, 'gpus' | 'rocm' | 'problems'>

/** A node that was looked at, for programs: snake_case, bytes. What a folder of captures does not hold is null. */
export function toInspectedNode({ gpus, rocm, problems }: GpuFacts, machine: MachineFile | null): InspectedNode {
  return {
    node_id: machine?.node_id ?? null,
    hostname: machine?.hostname ?? null,
    cpus: machine?.cpus ?? null,
    memory_total_bytes: machine?.memory_total_bytes ?? null,
    memory_free_bytes: machine?.memory_free_bytes ?? null,
    cache_disk: machine?.cache_disk ?? null,
    rocm,
    labels: machine?.labels ?? null,
    backends: machine?.backends ?? null,
    cached_models: machine?.cached_models ?? null,
    gpus: gpus.map(gpuRow),
    problems,
  }
}

/** The part of an inspection that is not about GPUs. */
export function toMachine(node: Omit<NodeInspection, 'gpus' | 'rocm' | 'problems'>): MachineFile {
  const { path, totalBytes, freeBytes } = node.cacheDisk
  return {
    node_id: node.nodeId,
    hostname: node.hostname,
    cpus: node.cpus,
    memory_total_bytes: node.memoryTotalBytes,
    memory_free_bytes: node.memoryFreeBytes,
    cache_disk: { path, total_bytes: totalBytes, free_bytes: freeBytes },
    labels: node.labels,
    backends: node.backends,
    cached_models: node.cachedModels,
  }
}

function gpuRow({ partition, health, ...gpu }: Gpu): z.infer<typeof GpuRow> {
  return {
    index: gpu.index,
    model: gpu.model,
    arch: gpu.arch,
    vram_total_bytes: gpu.vramTotalBytes === 0 ? null : gpu.vramTotalBytes,
    vram_free_bytes: gpu.vramFreeBytes,
    partition: partition?.compute ?? null,
    partition_index: partition?.index ?? null,
    partition_count: partition?.count ?? null,
    memory_partition: partition?.memory ?? null,
    card: gpu.card,
    bdf: gpu.bdf,
    hive: gpu.hive,
    health: {
      temperature_celsius: health.temperatureCelsius,
      power_watts: health.powerWatts,
      ecc_uncorrectable: health.eccUncorrectable,
      ecc_correctable: health.eccCorrectable,
    },
    processes: gpu.processes.map(({ pid, name, vramBytes }) => ({ pid, name, vram_bytes: vramBytes })),
  }
}

/** Nodes of an inventory file, and what it does not tell and was taken for granted. */
export type Inventory = { nodes: NodeInspection[]; assumptions: string[] }

const InventoryFile = z.union([
  z.object({ nodes: z.array(InspectedNode).min(1, 'must name at least one node') }).transform(({ nodes }) => nodes),
  z.array(InspectedNode).min(1, 'must name at least one node'),
  InspectedNode.transform((node) => [node]),
])

/**
 * Reads what `aim node inspect --json` printed: one node, a list, or `{nodes: [...]}`. A node that does not tell its backends is taken to
 * have vLLM and SGLang; memory of the machine and disk that it does not tell is 0. @throws AimError `InvalidInput` naming the field.
 */
export function readInventory(value: unknown): Inventory {
  const nodes = validate(fileRule(value), value)
  const assumptions: string[] = []
  const taken = new Set<string>()
  return {
    nodes: nodes.map((node, place) => {
      const nodeId = unique(node.node_id ?? node.hostname ?? `node-${place + 1}`, taken)
      if (!node.backends) assumptions.push(`${nodeId} does not tell its backends: vllm and sglang are taken to be ready`)
      return toInspection(node, nodeId)
    }),
    assumptions,
  }
}

/** The shape that the file chose, so that a mistake is named in that one. */
function fileRule(value: unknown): z.ZodType<InspectedNode[]> {
  const [wrapped, list, single] = InventoryFile.options
  if (Array.isArray(value)) return list
  return typeof value === 'object' && value !== null && 'nodes' in value ? wrapped : single
}

function unique(name: string, taken: Set<string>): string {
  let id = name
  for (let n = 2; taken.has(id); n++) id = `${name}-${n}`
  taken.add(id)
  return id
}

function toInspection(node: InspectedNode, nodeId: string): NodeInspection {
  const disk = node.cache_disk
  return {
    nodeId,
    hostname: node.hostname ?? nodeId,
    cpus: node.cpus ?? 0,
    memoryTotalBytes: node.memory_total_bytes ?? 0,
    memoryFreeBytes: node.memory_free_bytes ?? node.memory_total_bytes ?? 0,
    cacheDisk: { path: disk?.path ?? '', totalBytes: disk?.total_bytes ?? 0, freeBytes: disk?.free_bytes ?? 0 },
    gpus: node.gpus.map(toGpu),
    rocm: { driver: node.rocm?.driver ?? null, rocm: node.rocm?.rocm ?? null },
    labels: node.labels ?? {},
    cachedModels: node.cached_models ?? [],
    problems: node.problems ?? [],
    backends: node.backends?.map(toReadiness) ?? ASSUMED_BACKENDS,
  }
}

const ASSUMED_BACKENDS: BackendReadiness[] = (['vllm', 'sglang'] as const).map((backend) => ({ backend, ready: true, version: 'assumed' }))

function toReadiness({ backend, ready, version, reason, fix }: z.infer<typeof BackendRow>): BackendReadiness {
  return ready ? { backend, ready, version: version ?? 'unknown' } : { backend, ready, reason: reason ?? 'not told', fix: fix ?? '' }
}

function toGpu(row: z.infer<typeof GpuRow>, place: number): Gpu {
  const { partition, health } = row
  return {
    index: row.index ?? place,
    model: row.model ?? null,
    arch: row.arch,
    vramTotalBytes: row.vram_total_bytes ?? 0,
    vramFreeBytes: row.vram_free_bytes ?? null,
    partition: partition
      ? { compute: partition, memory: row.memory_partition ?? null, index: row.partition_index ?? 0, count: row.partition_count ?? 1 }
      : null,
    card: row.card ?? place,
    bdf: row.bdf ?? null,
    hive: row.hive ?? null,
    health: {
      temperatureCelsius: health?.temperature_celsius ?? null,
      powerWatts: health?.power_watts ?? null,
      eccUncorrectable: health?.ecc_uncorrectable ?? null,
      eccCorrectable: health?.ecc_correctable ?? null,
    },
    processes: (row.processes ?? []).map(({ pid, name, vram_bytes }) => ({ pid, name: name ?? null, vramBytes: vram_bytes ?? null })),
  }
}
