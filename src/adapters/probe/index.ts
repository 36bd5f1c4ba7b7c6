import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { NodeInspection } from '../../domain/node.js'
import type { EngineTools } from '../../engines/engine.js'
import type { NodeProbe } from '../../ports/node-probe.js'
import { inspectBackends } from './backends.js'
import { inspectGpus } from './gpus.js'
import { inspectLimits } from './limits.js'

export { findTools } from './tools.js'

export type NodeProbeOptions = {
  /** Folder that weights are brought to; it need not exist yet. */
  hubCache: string
  tools: EngineTools
  /** Where `/sys`, `/proc` and `/dev` are; `/` but in tests. */
  root?: string
}

/** Looks at this machine through its files alone: no tool is run, so nothing can hang. */
export function createNodeProbe({ hubCache, tools, root = '/' }: NodeProbeOptions): NodeProbe {
  return {
    async inspect() {
      const [limits, { gpus, problems }, cacheDisk] = await Promise.all([inspectLimits(root), inspectGpus(root), inspectDisk(hubCache)])
      return { hostname: hostname(), ...limits, cacheDisk, gpus, problems, backends: inspectBackends(tools) }
    },
  }
}

/** The volume that `path` is or will be on. Free is what a user without privileges may take. */
async function inspectDisk(path: string): Promise<NodeInspection['cacheDisk']> {
  let existing = path
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing)
  const { bsize, blocks, bavail } = await statfs(existing)
  return { path, totalBytes: bsize * blocks, freeBytes: bsize * bavail }
}
