import { join } from 'node:path'
import type { FileTree } from './file-tree.js'
import { addressOfLocation } from './pci.js'
import { NO_VERSIONS, sighting, type Problem, type Report, type Sighting } from './sighting.js'

/** A file of `name number` lines. As bigint: `unique_id` and `hive_id` take all 64 bits. */
type Properties = ReadonlyMap<string, bigint>

const AMD = 0x1002n
/** Heap types of memory on the card, visible and not visible to the CPU (`kfd_ioctl.h`). */
const VRAM_HEAPS = [1n, 2n]
const MOST_BYTES = 2n ** 45n

/** A GPU by its KFD node, and the number of its file in /dev/dri. */
export type KfdGpu = { sighting: Sighting; renderMinor: number | null }
export type KfdReport = Omit<Report, 'sightings'> & { gpus: KfdGpu[] }

/**
 * GPUs as the kernel's compute driver shows them, in the order in which HIP numbers them: what an engine can open, with no tool that may
 * hang or lie. `nodes` is the folder `topology/nodes` of sysfs or of a capture. Null: there is no such folder.
 */
export async function readKfd(tree: FileTree, nodes: string): Promise<KfdReport | null> {
  const numbers = await nodeNumbers(tree, nodes)
  if (numbers === null) return null
  const problems: Problem[] = []
  const damage = (node: number, what: string): void => void problems.push({ code: 'kfd_node', message: `KFD node ${node} ${what}` })
  if (numbers.length === 0) problems.push({ code: 'kfd_topology', message: 'KFD shows no nodes at all' })
  if (numbers.some((number, place) => number !== place))
    problems.push({ code: 'kfd_node', message: `KFD nodes are missing: there are ${numbers.join(', ')}` })
  const gpus: KfdGpu[] = []
  for (const number of numbers) {
    const gpu = await readNode(tree, join(nodes, String(number)), number, (what) => damage(number, what))
    if (gpu !== null) gpus.push({ ...gpu, sighting: { ...gpu.sighting, number: gpus.length, hipId: gpus.length } })
  }
  return { source: 'kfd', gpus, rocm: NO_VERSIONS, problems }
}

async function nodeNumbers(tree: FileTree, nodes: string): Promise<number[] | null> {
  const names = await tree.list(nodes)
  return names === null
    ? null
    : names
        .filter((name) => /^\d{1,5}$/.test(name))
        .map(Number)
        .toSorted((a, b) => a - b)
}

/** Null for a CPU, and for a GPU that this container was not given. */
async function readNode(tree: FileTree, folder: string, number: number, damage: (what: string) => void): Promise<KfdGpu | null> {
  const properties = await readProperties(tree, join(folder, 'properties'), damage)
  if (properties === 'denied' || properties === null) return null
  const kind = kindOf(properties)
  if (kind === 'cpu') return null
  if (kind !== 'gpu') {
    damage(kind)
    return null
  }
  const value = (name: string, most: number): number | null => {
    const found = properties.get(name)
    return found === undefined || found > BigInt(most) ? null : Number(found)
  }
  const location = value('location_id', 0xffff)
  const hive = properties.get('hive_id') ?? 0n
  const unique = properties.get('unique_id') ?? 0n
  const bytes = await heapBytes(tree, folder, value('mem_banks_count', 64) ?? 0, damage)
  return {
    renderMinor: value('drm_render_minor', 4096) || null,
    sighting: sighting({
      number,
      nodeId: number,
      kfdId: await gpuId(tree, folder),
      bdf: location === null ? null : addressOfLocation(location, value('domain', 0xffff) ?? 0),
      uniqueId: unique === 0n ? null : unique.toString(16).padStart(16, '0'),
      deviceId: value('device_id', 0xffff) || null,
      arch: gfxName(properties.get('gfx_target_version') ?? 0n),
      vram: bytes === null ? [] : [{ source: 'kfd', bytes }],
      xccs: value('num_xcc', 64) || null,
      hive: hive === 0n ? null : hive.toString(16).padStart(16, '0'),
      nearestNode: await nearestNode(tree, folder),
    }),
  }
}

/** What the node is, or what is wrong with it. KFD lists CPUs and AMD's GPUs, and nothing else. */
function kindOf(properties: Properties): string {
  const simds = properties.get('simd_count')
  const vendor = properties.get('vendor_id')
  const isGpu = (properties.get('gfx_target_version') ?? 0n) > 0n || (vendor === AMD && (properties.get('device_id') ?? 0n) > 0n)
  if (simds === undefined && isGpu) return 'gpu'
  if (simds === undefined || simds === 0n) {
    if (isGpu) return 'says both that it is a CPU and that it is a GPU'
    return (properties.get('cpu_cores_count') ?? 0n) > 0n ? 'cpu' : 'does not say whether it is a CPU or a GPU'
  }
  return vendor === undefined || vendor === AMD ? 'gpu' : `is a GPU of another vendor (${vendor})`
}

/** Bytes on the card, of this partition where it is partitioned; null when the driver does not say all of it. */
async function heapBytes(tree: FileTree, folder: string, expected: number, damage: (what: string) => void): Promise<number | null> {
  const names = (await tree.list(join(folder, 'mem_banks'))) ?? [] // not every driver shows it
  const banks = await Promise.all(names.map((name) => readProperties(tree, join(folder, 'mem_banks', name, 'properties'), damage)))
  const known = banks.filter((bank) => typeof bank === 'object' && bank !== null)
  const sizes = known.map((bank) => (VRAM_HEAPS.includes(bank.get('heap_type') ?? 0n) ? (bank.get('size_in_bytes') ?? 0n) : 0n))
  const sum = sizes.reduce((total, size) => total + size, 0n)
  return known.length < expected || sum === 0n || sum > MOST_BYTES ? null : Number(sum)
}

async function gpuId(tree: FileTree, folder: string): Promise<number | null> {
  const file = await tree.read(join(folder, 'gpu_id'))
  return typeof file === 'object' && /^[1-9]\d{0,9}\s*$/.test(file?.text ?? '') ? Number(file?.text) : null
}

/** The node with the widest XGMI link, where one is widest: inside an MI250X its two dies. Link type 11 is XGMI (`hsa.h`). */
async function nearestNode(tree: FileTree, folder: string): Promise<number | null> {
  const names = (await tree.list(join(folder, 'io_links'))) ?? []
  const links = await Promise.all(names.map((name) => readProperties(tree, join(folder, 'io_links', name, 'properties'), () => {})))
  const xgmi = links
    .filter((link) => typeof link === 'object' && link !== null)
    .filter((link) => link.get('type') === 11n && link.has('node_to'))
    .map((link) => ({ node: Number(link.get('node_to')), width: link.get('max_bandwidth') ?? 0n }))
    .toSorted((a, b) => Number(b.width - a.width))
  const [first, second] = xgmi
  return first !== undefined && first.width > (second?.width ?? 0n) ? first.node : null
}

/** `gfx_target_version` is decimal: 90402 is gfx942, 90010 is gfx90a (the step is a hex digit). Null when the driver gives none. */
export function gfxName(version: bigint): string | null {
  if (version <= 0n || version > 999_999n) return null
  return `gfx${version / 10_000n}${(version / 100n) % 100n}${(version % 100n).toString(16)}`
}

/** A file that does not end with its line end was cut: its last line may be part of a number, so it does not count. */
async function readProperties(tree: FileTree, file: string, damage: (what: string) => void): Promise<Properties | 'denied' | null> {
  const found = await tree.read(file)
  if (found === 'denied') return found
  const name = file.split('/').slice(-3).join('/')
  const text = typeof found === 'object' ? (found?.text ?? '') : ''
  if (text.trim() === '') {
    damage(`has no readable ${name}`)
    return null
  }
  if (!text.endsWith('\n')) damage(`is cut short: ${name}`)
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole.matchAll(/^[ \t]*(\w+)[ \t]+(\d{1,20}|0x[0-9a-f]{1,16})[ \t\r]*$/gim)
  return new Map([...lines].map(([, key = '', value = '0']) => [key.toLowerCase(), BigInt(value)]).toReversed() as [string, bigint][])
}
