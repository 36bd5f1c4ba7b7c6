import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AimError } from '../../contracts/errors.js'
import { MachineFile } from '../../contracts/inspected-node.js'
import type { Card } from '../../domain/hardware.js'
import { describeGpus, type FoundGpus } from './describe.js'
import { filesBelow, type FileTree } from './file-tree.js'
import { findJson } from './json-text.js'
import { readKfd } from './kfd.js'
import { kfdReport } from './live.js'
import type { Problem } from './sighting.js'
import { readTools, TOOL_FILES, type ToolTexts } from './tools.js'

/** Of a node without its GPUs: what `aim node capture` writes beside the tools' own words. */
export const MACHINE_FILE = 'machine.json'
/** Copy of sysfs, `topology/nodes/<n>/`. */
export const TOPOLOGY_FOLDER = join('topology', 'nodes')

/** The GPUs by a folder of captures, and the machine where the folder has that. */
export type InspectedCaptures = FoundGpus & { machine: MachineFile | null }

/**
 * What a folder of captures tells: any of the files of TOOLS, `topology/nodes` and `machine.json`. `field` is who named it.
 * @throws AimError `InvalidInput` for what is no folder, or holds none of them.
 */
export async function inspectCaptures(dir: string, cards: readonly Card[], field = '--from'): Promise<InspectedCaptures> {
  await requireFolder(dir, field)
  return describeCaptures(filesBelow(dir), cards, field)
}

/** The same for files that lie elsewhere. */
export async function describeCaptures(tree: FileTree, cards: readonly Card[], field = '--from'): Promise<InspectedCaptures> {
  const problems: Problem[] = []
  const texts: ToolTexts = {}
  for (const file of TOOL_FILES) {
    const text = await readCapture(tree, file, problems)
    if (text !== null) texts[file] = text
  }
  const kfd = await readKfd(tree, TOPOLOGY_FOLDER)
  const machine = await readMachine(tree, problems)
  const told = Object.keys(texts).length > 0 || kfd !== null || machine !== null || problems.length > 0
  if (!told) throw new AimError('InvalidInput', { field, rule: `holds no capture: any of ${[...TOOL_FILES, TOPOLOGY_FOLDER].join(', ')}` })
  if (machine?.kfd === 'denied')
    problems.push({ code: 'kfd_permission', message: '/dev/kfd could not be opened where this was captured, so no tool was run' })
  const reports = [...(kfd === null ? [] : [kfdReport(kfd)]), ...readTools(texts, cards)]
  if (reports.length === 0 && machine?.kfd === 'absent') return { gpus: [], rocm: { driver: null, rocm: null }, problems, machine }
  const found = describeGpus(reports, cards)
  return { ...found, problems: [...problems, ...found.problems], machine }
}

async function requireFolder(dir: string, field: string): Promise<void> {
  const isFolder = await stat(dir).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
  if (!isFolder) throw new AimError('InvalidInput', { field, rule: `must be a folder of captures: ${dir}` })
}

/** Null: it is not there. One that is there and cannot be read is a problem. */
async function readCapture(tree: FileTree, file: string, problems: Problem[]): Promise<string | null> {
  const found = await tree.read(file)
  if (typeof found === 'object') return found?.text ?? null
  problems.push({ code: 'capture_unreadable', message: `${file} cannot be read as text` })
  return null
}

async function readMachine(tree: FileTree, problems: Problem[]): Promise<MachineFile | null> {
  const text = await readCapture(tree, MACHINE_FILE, problems)
  if (text === null) return null
  const json = findJson(text)
  const machine = 'value' in json ? MachineFile.safeParse(json.value) : null
  if (machine?.success) return machine.data
  const why = 'refusal' in json ? json.refusal : (machine?.error?.issues[0]?.message ?? 'it is not what `aim node capture` writes')
  problems.push({ code: 'capture_unreadable', message: `${MACHINE_FILE}: ${why}` })
  return null
}
