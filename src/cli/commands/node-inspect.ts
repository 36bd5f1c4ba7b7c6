import type { InspectedNode } from '../../contracts/inspected-node.js'
import type { Cli } from '../cli.js'
import { tableOf, type Column, type Report, type View } from '../output/report.js'
import { visible } from '../output/sanitize.js'

type InspectedGpu = InspectedNode['gpus'][number]

const GIB = 2 ** 30

const COLUMNS: Column<InspectedGpu>[] = [
  { header: 'GPU', value: ({ index }) => String(index ?? '') },
  { header: 'MODEL', value: ({ model }) => model ?? null, flexible: true },
  { header: 'ARCH', value: ({ arch }) => arch },
  { header: 'MEMORY', value: ({ vram_total_bytes: total }) => gib(total), align: 'right' },
  { header: 'FREE', value: ({ vram_free_bytes: free }) => gib(free), align: 'right' },
  { header: 'PARTITION', value: partitionText },
  { header: 'CARD', value: ({ card }) => String(card ?? '') },
  { header: 'HIVE', value: ({ hive }) => hive ?? null, wide: true },
  { header: 'BDF', value: ({ bdf }) => bdf ?? null, wide: true },
  { header: 'TEMP', value: ({ health }) => unit(health?.temperature_celsius, ' C'), align: 'right' },
  { header: 'POWER', value: ({ health }) => unit(health?.power_watts, ' W'), align: 'right' },
  { header: 'ECC', value: ({ health }) => unit(health?.ecc_uncorrectable, ''), style: eccStyle, align: 'right' },
  { header: 'USED BY', value: ({ processes }) => usersText(processes), flexible: true },
]

/** Problems that leave open whether there are GPUs at all, where none is listed. */
const NOTHING_KNOWN: ReadonlySet<string> = new Set(['no_source', 'kfd_permission', 'kfd_topology'])

/** `aim node inspect`: problems are facts about the node, so the exit code stays 0, and is 1 only where nothing tells its GPUs. */
export async function nodeInspect(cli: Cli, _args: string[], { from }: { from?: string }): Promise<Report> {
  const { settings } = await cli.configuration()
  const { inspectNode } = await import('../../worker/local-node.js')
  const node: InspectedNode = await inspectNode(settings, from)
  return {
    data: node,
    names: node.gpus.map(({ index }) => String(index)),
    exit: areGpusKnown(node) ? 0 : 1,
    text: (view) => [gpusText(node, view), machineText(node), problemsText(node, view)].filter((part) => part !== '').join('\n'),
  }
}

function areGpusKnown({ gpus, problems = [] }: InspectedNode): boolean {
  return gpus.length > 0 || !problems.some(({ code }) => NOTHING_KNOWN.has(code))
}

function gpusText(node: InspectedNode, view: View): string {
  if (node.gpus.length > 0) return tableOf(node.gpus, COLUMNS, view)
  return areGpusKnown(node) ? 'no AMD GPU is seen\n' : 'GPUs: not known, see problems\n'
}

function machineText({ hostname, simulated, cpus, memory_total_bytes: memory, cache_disk: disk, rocm }: InspectedNode): string {
  const facts = [
    hostname,
    simulated === true ? 'simulated' : null,
    told(cpus, (count) => `${count} CPUs`),
    told(memory, (bytes) => `${gib(bytes)} memory`),
    told(disk, ({ free_bytes: free, path }) => `${gib(free)} free on ${path}`),
    told(rocm?.driver, (version) => `driver ${version}`),
    told(rocm?.rocm, (version) => `ROCm ${version}`),
  ].filter((fact) => fact !== null && fact !== undefined)
  return facts.length === 0 ? '' : `${visible(facts.join(', '))}\n`
}

function problemsText({ problems = [] }: InspectedNode, { paint }: View): string {
  return problems.map(({ code, message }) => `${paint('yellow', code)}: ${visible(message)}\n`).join('')
}

function eccStyle({ health }: InspectedGpu): 'red' | undefined {
  return (health?.ecc_uncorrectable ?? 0) > 0 ? 'red' : undefined
}

function partitionText(gpu: InspectedGpu): string | null {
  if (!gpu.partition) return null
  const memory = gpu.memory_partition ? `/${gpu.memory_partition}` : ''
  return (gpu.partition_count ?? 1) > 1
    ? `${gpu.partition}${memory} ${(gpu.partition_index ?? 0) + 1} of ${gpu.partition_count}`
    : gpu.partition + memory
}

function usersText(processes: InspectedGpu['processes'] = []): string | null {
  return processes.length === 0 ? null : processes.map(({ pid, name }) => `${name ?? 'process'} (${pid})`).join(', ')
}

function told<Value, Text>(value: Value | null | undefined, text: (value: Value) => Text): Text | null {
  return value === null || value === undefined ? null : text(value)
}

function gib(bytes: number | null | undefined): string | null {
  return told(bytes, (count) => `${(count / GIB).toFixed(1)} GiB`)
}

function unit(value: number | null | undefined, text: string): string | null {
  return told(value, (number) => `${Math.round(number)}${text}`)
}
