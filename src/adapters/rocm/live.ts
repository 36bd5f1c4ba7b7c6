import { join } from 'node:path'
import type { Card } from '../../domain/hardware.js'
import type { Gpu } from '../../domain/node.js'
import { describeGpus, type FoundGpus } from './describe.js'
import { kfdDevice } from './device.js'
import { readKfd, type KfdGpu, type KfdReport } from './kfd.js'
import { modesOf } from './modes.js'
import { filesBelow, type FileTree } from './file-tree.js'
import type { RunTool } from './run-tool.js'
import { NO_VERSIONS, type Report, type Sighting } from './sighting.js'
import { readTools, runTools } from './tools.js'

/** `root` is `/` but in tests. `run` null: only files are read, so nothing can hang. */
export type LiveOptions = { root: string; cards: readonly Card[]; run: RunTool | null }

/** Where sysfs keeps what KFD shows. */
export const TOPOLOGY = 'sys/class/kfd/kfd/topology/nodes'

const NONE: FoundGpus = { gpus: [], rocm: NO_VERSIONS, problems: [] }

/** The GPUs of this machine. No driver is no GPU and no problem; a driver that cannot be used is a problem and no GPU. */
export async function inspectGpus({ root, cards, run }: LiveOptions): Promise<FoundGpus> {
  const device = await kfdDevice(root)
  if (device === 'absent') return NONE
  if (device !== 'usable') return { ...NONE, problems: [device] }
  const tree = filesBelow(root)
  const [kfd, amdSmi] = await Promise.all([
    readKfd(tree, TOPOLOGY),
    run === null ? null : runTools(run, ['amd-smi-static.json', 'amd-smi-metric.json', 'amd-smi-version.json', 'amd-smi-process.json']),
  ])
  const topology =
    kfd === null ? { code: 'kfd_topology', message: `/dev/kfd is there and /${TOPOLOGY} is not: mount /sys into the container` } : null
  let tools = amdSmi
  if (run !== null && amdSmi !== null && amdSmi.texts['amd-smi-static.json'] === undefined) {
    const others = await runTools(run, ['rocm-smi.json', 'rocminfo.txt'])
    tools = { texts: { ...amdSmi.texts, ...others.texts }, problems: [...amdSmi.problems, ...others.problems] }
  }
  const reports = [...(kfd === null ? [] : [await withSysfs(tree, kfd)]), ...readTools(tools?.texts ?? {}, cards)]
  if (reports.length === 0) return { ...NONE, problems: [...(topology === null ? [] : [topology]), ...(tools?.problems ?? [])] }
  const found = describeGpus(reports, cards)
  return { ...found, problems: [...(topology === null ? [] : [topology]), ...(tools?.problems ?? []), ...found.problems] }
}

/** KFD's word as a source like the others. Nodes that cannot be read and no GPU beside them are no word. */
export function kfdReport({ gpus, ...rest }: KfdReport): Report {
  return { ...rest, sightings: gpus.length === 0 && rest.problems.length > 0 ? null : gpus.map((gpu) => gpu.sighting) }
}

async function withSysfs(tree: FileTree, kfd: KfdReport): Promise<Report> {
  const processes = await kfdProcesses(tree)
  return kfdReport({ ...kfd, gpus: await Promise.all(kfd.gpus.map((gpu) => enrich(tree, gpu, processes))) })
}

/** What the graphics driver shows of a GPU: its memory in use, and its size where KFD does not show that. */
async function enrich(tree: FileTree, gpu: KfdGpu, processes: ReadonlyMap<number, Gpu['processes']>): Promise<KfdGpu> {
  const { sighting, renderMinor } = gpu
  const device = join('sys/class/drm', `renderD${renderMinor ?? 0}`, 'device')
  const [used, total, compute, memory] = await Promise.all([
    readNumber(tree, join(device, 'mem_info_vram_used')),
    readNumber(tree, join(device, 'mem_info_vram_total')),
    readWord(tree, join(device, 'current_compute_partition')),
    readWord(tree, join(device, 'current_memory_partition')),
  ])
  const modes = modesOf({ compute_partition: compute, memory_partition: memory })
  const vram: Sighting['vram'] = sighting.vram.length > 0 || total === null ? sighting.vram : [{ source: 'kfd', bytes: total }]
  return {
    ...gpu,
    sighting: {
      ...sighting,
      vram,
      usedBytes: used,
      compute: modes.compute,
      memory: modes.memory,
      processes: processes.get(sighting.kfdId ?? -1) ?? [],
    },
  }
}

/** Processes that hold memory of a GPU, by KFD's id of it: `proc/<pid>/vram_<gpu_id>`. */
async function kfdProcesses(tree: FileTree): Promise<Map<number, Gpu['processes']>> {
  const folder = 'sys/class/kfd/kfd/proc'
  const found = new Map<number, Gpu['processes']>()
  for (const pid of await list(tree, folder)) {
    const name = await readWord(tree, join('proc', pid, 'comm'))
    for (const file of await list(tree, join(folder, pid))) {
      const id = Number(/^vram_(\d+)$/.exec(file)?.[1] ?? -1)
      const vramBytes = id < 0 ? null : await readNumber(tree, join(folder, pid, file))
      if (vramBytes !== null && vramBytes > 0) found.set(id, [...(found.get(id) ?? []), { pid: Number(pid), name, vramBytes }])
    }
  }
  return found
}

/** Empty for what is not there, or has just gone. */
async function list(tree: FileTree, folder: string): Promise<string[]> {
  return ((await tree.list(folder)) ?? []).toSorted()
}

async function readNumber(tree: FileTree, file: string): Promise<number | null> {
  const text = await readWord(tree, file)
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

async function readWord(tree: FileTree, file: string): Promise<string | null> {
  const found = await tree.read(file)
  return typeof found === 'object' ? (found?.text.trim() ?? null) : null
}
