import { constants } from 'node:fs'
import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Gpu, NodeInspection } from '../../domain/node.js'
import { AMD_DEVICES } from './amd-devices.js'

type Problem = NodeInspection['problems'][number]
type Found = { gpus: Gpu[]; problems: Problem[] }
/** A file of `name number` lines. As bigint: `unique_id` and `hive_id` take all 64 bits. */
type Properties = ReadonlyMap<string, bigint>

const AMD = 0x1002n
/** Heap types of memory on the card, visible and not visible to the CPU (`kfd_ioctl.h`). */
const VRAM_HEAPS = [1n, 2n]
/** An integrated GPU shows less; it serves no model. */
const LEAST_VRAM = 1024 ** 3

/**
 * GPUs as the kernel's compute driver (KFD) shows them in sysfs: what an engine can open, with no tool that may hang or lie.
 * `root` is `/` but in tests.
 */
export async function inspectGpus(root: string): Promise<Found> {
  const device = await kfdProblem(join(root, 'dev/kfd'))
  if (device === 'absent') return { gpus: [], problems: [] }
  if (device !== null) return { gpus: [], problems: [device] }
  const topology = join(root, 'sys/class/kfd/kfd/topology/nodes')
  const nodes = await nodeNumbers(topology)
  if (nodes === null) {
    return {
      gpus: [],
      problems: [{ code: 'kfd_topology', message: `/dev/kfd is there and ${topology} is not: mount /sys into the container` }],
    }
  }
  const found = (await Promise.all(nodes.map((node) => readGpu(root, join(topology, String(node)))))).filter((gpu) => gpu !== null)
  return sortOut(found)
}

/** HIP numbers all GPUs in the order of their nodes, also those that we leave out: so the index is given before. */
function sortOut(found: Omit<Gpu, 'index'>[]): Found {
  const numbered = found.map((gpu, index) => ({ index, ...gpu }))
  const unknown = numbered.filter(({ vramTotalBytes }) => vramTotalBytes === 0)
  return {
    gpus: numbered.filter(({ vramTotalBytes }) => vramTotalBytes >= LEAST_VRAM),
    problems: unknown.map(({ index, arch }) => ({
      code: 'gpu_memory',
      message: `GPU ${index} (${arch}) does not show its memory and is left out`,
    })),
  }
}

async function kfdProblem(device: string): Promise<Problem | 'absent' | null> {
  try {
    await access(device, constants.R_OK | constants.W_OK)
    return null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'absent'
    const message = `/dev/kfd may not be opened (${code}): give the user the groups \`video\` and \`render\`, and a container the device`
    return { code: 'kfd_permission', message }
  }
}

async function nodeNumbers(topology: string): Promise<number[] | null> {
  try {
    return (await readdir(topology))
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .toSorted((a, b) => a - b)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Null for a CPU, for another vendor, and for a GPU that this container was not given. */
async function readGpu(root: string, node: string): Promise<Omit<Gpu, 'index'> | null> {
  const properties = await readProperties(join(node, 'properties'))
  if (properties === null || (properties.get('simd_count') ?? 0n) === 0n || properties.get('vendor_id') !== AMD) return null
  const known = AMD_DEVICES[Number(properties.get('device_id') ?? 0n)]
  const drm = join(root, 'sys/class/drm', `renderD${properties.get('drm_render_minor') ?? 0n}`, 'device')
  const used = await readNumber(join(drm, 'mem_info_vram_used'))
  const total = (await vramOf(node)) || ((await readNumber(join(drm, 'mem_info_vram_total'))) ?? 0)
  return {
    arch: gfxName(properties.get('gfx_target_version') ?? 0n) ?? known?.arch ?? 'unknown',
    model: known?.model ?? null,
    vramTotalBytes: total,
    vramFreeBytes: used === null ? null : Math.max(0, total - used),
  }
}

/** Bytes on the card, of this partition where it is partitioned; 0 when the driver does not say. */
async function vramOf(node: string): Promise<number> {
  const folder = join(node, 'mem_banks')
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] // not every driver shows it
    throw error
  })
  const banks = await Promise.all(names.map((name) => readProperties(join(folder, name, 'properties'))))
  return banks.reduce(
    (sum, bank) => sum + (VRAM_HEAPS.includes(bank?.get('heap_type') ?? 0n) ? Number(bank?.get('size_in_bytes') ?? 0n) : 0),
    0,
  )
}

/** `gfx_target_version` is decimal: 90402 is gfx942, 90010 is gfx90a (the step is a hex digit). Null when the driver gives none. */
export function gfxName(version: bigint): string | null {
  if (version <= 0n) return null
  return `gfx${version / 10_000n}${(version / 100n) % 100n}${(version % 100n).toString(16)}`
}

async function readProperties(file: string): Promise<Properties | null> {
  const text = await readSysfs(file)
  if (text === null) return null
  return new Map([...text.matchAll(/^(\w+) (\d+)$/gm)].map(([, name, value]) => [name ?? '', BigInt(value ?? 0)]))
}

async function readNumber(file: string): Promise<number | null> {
  const text = await readSysfs(file)
  return text !== null && /^\d+\s*$/.test(text) ? Number(text) : null
}

/** Null for what is not there and, in a container, for what belongs to a GPU that it was not given (EPERM). */
async function readSysfs(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'EPERM', 'EACCES', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}
