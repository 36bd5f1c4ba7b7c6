import { z } from 'zod'
import type { BackendReadiness, Gpu, NodeInspection, Partition } from '../domain/node.js'
import type { GpuRow } from './gpu-row.js'
import { InspectedNode, InspectedNodes, type BackendRow, type MachineFile } from './inspected-node.js'
import { cardOf, indexOf, partitionsOf } from './partition-rows.js'
import { validate } from './validate.js'

export type { InspectedNode } from './inspected-node.js'

type GpuFacts = Pick<NodeInspection, 'gpus' | 'rocm' | 'problems' | 'simulated'>

/** A node that was looked at, for programs: snake_case, bytes. What a folder of captures does not hold is null. */
export function toInspectedNode({ gpus, rocm, problems, simulated }: GpuFacts, machine: MachineFile | null): InspectedNode {
  return {
    node_id: machine?.node_id ?? null,
    hostname: machine?.hostname ?? null,
    ...(simulated === true && { simulated }),
    cpus: machine?.cpus ?? null,
    memory_total_bytes: machine?.memory_total_bytes ?? null,
    memory_free_bytes: machine?.memory_free_bytes ?? null,
    cache_disk: machine?.cache_disk ?? null,
    rocm,
    labels: machine?.labels ?? null,
    backends: machine?.backends ?? null,
    cached_models: machine?.cached_models ?? null,
    peer_url: machine?.peer_url ?? null,
    gpus: gpus.map(gpuRow),
    problems,
  }
}

/** The part of an inspection that is not about GPUs. */
export function toMachine(node: Omit<NodeInspection, 'gpus' | 'rocm' | 'problems' | 'simulated'>): MachineFile {
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
    peer_url: node.peerUrl,
  }
}

function gpuRow({ partition, health, ...gpu }: Gpu): GpuRow {
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

const Wrapped = z.object({ nodes: InspectedNodes }).transform(({ nodes }) => nodes)
const Single = InspectedNode.transform((node) => [node])

/**
 * Reads what `aim node inspect --json` printed: one node, a list, or `{nodes: [...]}`. A node that does not tell its backends is taken to
 * have vLLM and SGLang; memory of the machine and disk that it does not tell is 0. @throws AimError `InvalidInput` naming the field.
 */
export function readInventory(value: unknown): Inventory {
  const rows = validate(fileRule(value), value)
  const taken = new Set(rows.map(({ node_id: id, hostname }) => id ?? hostname))
  const nodes = rows.map((row, place) => toInspection(row, row.node_id ?? row.hostname ?? freeName(place, taken)))
  const silent = nodes.filter((_, place) => !rows[place]?.backends).map(({ nodeId }) => nodeId)
  return { nodes, assumptions: silent.length === 0 ? [] : [backendsAssumed(silent.toSorted())] }
}

/** The shape that the file chose, so that a mistake is named in that one. */
function fileRule(value: unknown): z.ZodType<InspectedNode[]> {
  if (Array.isArray(value)) return InspectedNodes
  return typeof value === 'object' && value !== null && 'nodes' in value ? Wrapped : Single
}

function freeName(place: number, taken: Set<string | null | undefined>): string {
  let number = place + 1
  while (taken.has(`node-${number}`)) number++
  taken.add(`node-${number}`)
  return `node-${number}`
}

/** One line, however many nodes there are. */
function backendsAssumed(names: string[]): string {
  const [first = ''] = names
  const some = `${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ', ...' : ''}`
  const who = names.length === 1 ? `${first} does not tell its backends` : `${names.length} nodes do not tell their backends (${some})`
  return `${who}: vllm and sglang are taken to be ready`
}

/** How many nodes a line names. */
const NAMED = 3

function toInspection(node: InspectedNode, nodeId: string): NodeInspection {
  const disk = node.cache_disk
  const partitions = partitionsOf(node.gpus)
  return {
    nodeId,
    hostname: node.hostname ?? nodeId,
    cpus: node.cpus ?? 0,
    memoryTotalBytes: node.memory_total_bytes ?? 0,
    memoryFreeBytes: node.memory_free_bytes ?? node.memory_total_bytes ?? 0,
    cacheDisk: { path: disk?.path ?? '', totalBytes: disk?.total_bytes ?? 0, freeBytes: disk?.free_bytes ?? 0 },
    gpus: node.gpus.map((row, place) => toGpu(row, place, partitions[place] ?? null)),
    rocm: { driver: node.rocm?.driver ?? null, rocm: node.rocm?.rocm ?? null },
    labels: node.labels ?? {},
    cachedModels: node.cached_models ?? [],
    problems: node.problems ?? [],
    backends: node.backends?.map(toReadiness) ?? ASSUMED_BACKENDS,
    peerUrl: node.peer_url ?? null,
    ...(node.simulated === true && { simulated: true }),
  }
}

const ASSUMED_BACKENDS: BackendReadiness[] = (['vllm', 'sglang'] as const).map((backend) => ({ backend, ready: true, version: 'assumed' }))

function toReadiness({ backend, ready, version, reason, fix }: BackendRow): BackendReadiness {
  return ready ? { backend, ready, version: version ?? 'unknown' } : { backend, ready, reason: reason ?? 'not told', fix: fix ?? '' }
}

function toGpu(row: GpuRow, place: number, partition: Partition | null): Gpu {
  const { health } = row
  return {
    index: indexOf(row, place),
    model: row.model ?? null,
    arch: row.arch,
    vramTotalBytes: row.vram_total_bytes ?? 0,
    vramFreeBytes: row.vram_free_bytes ?? null,
    partition,
    card: cardOf(row, place),
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
