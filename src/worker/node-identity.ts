import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import type { NodeIdentity } from '../contracts/messages.js'

/** Who this node worker is: the machine, this boot of it, and this process. */
export async function nodeIdentity(nodeId: string): Promise<NodeIdentity> {
  const [machineId, bootId] = await Promise.all([read('/etc/machine-id'), read('/proc/sys/kernel/random/boot_id')])
  return { nodeId, hostname: hostname(), machineId, bootId, instance: randomUUID() }
}

async function read(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch {
    return 'unknown' // containers often have no machine id; the node id still names the node
  }
}

/** One live worker per node id and machine: two would watch and start the same engines. */
export function nodeLock(settings: Settings): string {
  return join(pathsOf(settings).nodes, `${settings.nodeId}.lock`)
}
