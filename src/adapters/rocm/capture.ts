import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isKernelView } from '../../config/folder-rule.js'
import { AimError } from '../../contracts/errors.js'
import type { MachineFile } from '../../contracts/inspected-node.js'
import { MACHINE_FILE, TOPOLOGY_FOLDER } from './captures.js'
import { kfdDevice } from './device.js'
import { filesBelow, type FileTree } from './file-tree.js'
import { TOPOLOGY } from './live.js'
import type { RunTool } from './run-tool.js'
import type { Problem } from './sighting.js'
import { runTools, TOOL_FILES } from './tools.js'

export type CaptureOptions = { dir: string; root: string; run: RunTool; machine: Omit<MachineFile, 'kfd'> }
export type Captured = { files: string[]; problems: Problem[] }

/** Files of a KFD node that `inspectCaptures` reads, and the folders of numbered ones. */
const NODE_FILES = ['properties', 'gpu_id', 'name']
const NODE_FOLDERS = ['mem_banks', 'io_links']

/**
 * Writes what the tools and KFD say of this machine into `dir`, which must be empty or not exist. No tool is run where /dev/kfd cannot
 * be opened. @throws AimError `InvalidInput` for a folder that holds something.
 */
export async function capture({ dir, root, run, machine }: CaptureOptions): Promise<Captured> {
  if (isKernelView(dir)) throw new AimError('InvalidInput', { field: 'dir', rule: `must be a folder that can be written: ${dir}` })
  await mkdir(dir, { recursive: true }).catch((error: unknown) => {
    throw new AimError('InvalidInput', {
      field: 'dir',
      rule: `must be a folder that can be written: ${dir} (${(error as NodeJS.ErrnoException).code})`,
    })
  })
  if ((await readdir(dir)).length > 0) throw new AimError('InvalidInput', { field: 'dir', rule: `must be empty, or not exist yet: ${dir}` })
  const device = await kfdDevice(root)
  const tools = device === 'usable' ? await runTools(run, TOOL_FILES) : { texts: {}, problems: [] }
  const files: string[] = []
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(join(dir, file, '..'), { recursive: true })
    await writeFile(join(dir, file), text)
    files.push(file)
  }
  const kfd = typeof device === 'string' ? device : 'denied'
  await write(MACHINE_FILE, `${JSON.stringify({ ...machine, kfd }, null, 2)}\n`)
  for (const [file, text] of Object.entries(tools.texts)) await write(file, text)
  const nodes = filesBelow(join(root, TOPOLOGY))
  for (const file of await topologyFiles(nodes)) {
    const found = await nodes.read(file)
    if (typeof found === 'object' && found !== null && found.text !== '') await write(join(TOPOLOGY_FOLDER, file), found.text)
  }
  return { files, problems: [...(typeof device === 'string' ? [] : [device]), ...tools.problems] }
}

async function topologyFiles(nodes: FileTree): Promise<string[]> {
  const files: string[] = []
  for (const node of await numbered(nodes, '.')) {
    files.push(...NODE_FILES.map((file) => join(node, file)))
    for (const folder of NODE_FOLDERS)
      files.push(...(await numbered(nodes, join(node, folder))).map((part) => join(node, folder, part, 'properties')))
  }
  return files
}

async function numbered(nodes: FileTree, folder: string): Promise<string[]> {
  return ((await nodes.list(folder)) ?? []).filter((name) => /^\d+$/.test(name)).toSorted((a, b) => Number(a) - Number(b))
}
