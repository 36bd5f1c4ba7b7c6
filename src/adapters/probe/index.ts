import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { Card } from '../../domain/hardware.js'
import type { NodeInspection } from '../../domain/node.js'
import type { EngineTools } from '../../engines/engine.js'
import type { NodeProbe } from '../../ports/node-probe.js'
import { inspectGpus, type RunTool } from '../rocm/index.js'
import { inspectBackends } from './backends.js'
import { listCachedModels } from './cached-models.js'
import { inspectLimits } from './limits.js'

export { findTools } from './tools.js'

export type NodeProbeOptions = {
  /** Folder that weights are brought to; it need not exist yet. */
  hubCache: string
  tools: EngineTools
  /** The hardware table, which names the GPUs. */
  cards: () => Promise<readonly Card[]>
  /** What the operator says of this node, `zone=a`. */
  labels?: Record<string, string>
  /** Where this process serves the cache to other nodes; null: it does not. */
  peerUrl?: string | null
  /** Runs AMD's tools, with their limits; null: only files are read. */
  runTool?: RunTool | null
  /** Where `/sys`, `/proc` and `/dev` are; `/` but in tests. */
  root?: string
}

/** Looks at this machine. What the kernel shows in files decides; AMD's tools, each with a time limit, add to it. */
export function createNodeProbe({
  hubCache,
  tools,
  cards,
  labels = {},
  peerUrl = null,
  runTool = null,
  root = '/',
}: NodeProbeOptions): NodeProbe {
  return {
    async inspect() {
      const [limits, found, cacheDisk, cachedModels] = await Promise.all([
        inspectLimits(root),
        cards().then((table) => inspectGpus({ root, cards: table, run: runTool })),
        inspectDisk(hubCache),
        listCachedModels(hubCache),
      ])
      return { hostname: hostname(), ...limits, cacheDisk, ...found, labels, cachedModels, backends: inspectBackends(tools), peerUrl }
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
