import { join } from 'node:path'
import { createFenceStore } from '../adapters/fences/create-fence-store.js'
import { findTools, createNodeProbe } from '../adapters/probe/index.js'
import { createSimulatedProbe } from '../adapters/simulated/index.js'
import { createEngineClient } from '../adapters/engine-client/index.js'
import { capture, inspectCaptures, toolRunner, type Captured } from '../adapters/rocm/index.js'
import { cachePolicyOf } from '../config/cache-policy.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { toInspectedNode, toMachine, type InspectedNode } from '../contracts/inventory.js'
import type { NodeInspection } from '../domain/node.js'
import type { NodeProbe } from '../ports/node-probe.js'
import type { NodePorts } from '../../activities/node/index.js'
import { launcherOf } from './local-engines.js'
import { localWeights } from './local-weights.js'
import { recipesOf } from './recipes.js'

/** AMD's tools answer in seconds; one that takes longer hangs. */
const TOOL_LIMIT_MS = 20_000

/**
 * `peerUrl`: where this process serves the cache to other nodes; null: it does not. `onWarning` is told what costs no more than speed or figures.
 * @throws AimError `InvalidInput` for sources that are not configured.
 */
export function nodePortsOf(settings: Settings, peerUrl: string | null = null, onWarning?: (text: string) => void): NodePorts {
  const { nodes } = pathsOf(settings)
  return {
    nodeId: settings.nodeId,
    namespace: settings.temporalNamespace,
    probe: probeOf(settings, peerUrl),
    ...localWeights(settings, onWarning),
    cachePolicy: cachePolicyOf(settings),
    launcher: launcherOf(settings),
    fences: createFenceStore({ file: join(nodes, `${settings.nodeId}.fences.json`), nodeId: settings.nodeId }),
    freeWithinMs: settings.vramWaitSeconds * 1_000,
    client: createEngineClient(),
    hangMs: settings.hangSeconds * 1_000,
    stallMs: settings.stallSeconds * 1_000,
  }
}

/** Looks at this machine, or at a captured one in its place. */
function probeOf(settings: Settings, peerUrl: string | null): NodeProbe {
  const { hubCache, simulated } = pathsOf(settings)
  const { simulate } = settings
  const cards = () => recipesOf(settings).hardware()
  const machine = createNodeProbe({
    hubCache,
    tools: findTools(settings),
    cards,
    labels: labelsOf(settings.nodeLabels),
    peerUrl,
    runTool: simulate === undefined ? toolRunner(TOOL_LIMIT_MS) : null,
  })
  return simulate === undefined ? machine : createSimulatedProbe({ captures: simulate, held: simulated, cards, machine })
}

/** `zone=a,rack=7` as a record. */
function labelsOf(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').filter((pair) => pair !== '')
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

/** What this machine has and can run, without any worker. */
export async function inspectLocalNode(settings: Settings): Promise<NodeInspection> {
  return { nodeId: settings.nodeId, ...(await nodePortsOf(settings).probe.inspect()) }
}

/** The same for programs. With `dir`, the node that a folder of captures shows. @throws AimError `InvalidInput` for what is no such folder. */
export async function inspectNode(settings: Settings, dir?: string): Promise<InspectedNode> {
  if (dir === undefined) {
    const { gpus, rocm, problems, simulated = false, ...rest } = await inspectLocalNode(settings)
    return toInspectedNode({ gpus, rocm, problems, simulated }, toMachine(rest))
  }
  const { machine, ...found } = await inspectCaptures(dir, await recipesOf(settings).hardware())
  return toInspectedNode(found, machine)
}

/** Writes what this machine shows into a folder that `inspectNode` reads. @throws AimError `InvalidInput` for a folder that is not empty. */
export async function captureLocalNode(settings: Settings, dir: string): Promise<Captured> {
  const { gpus: _gpus, rocm: _rocm, problems: _problems, ...rest } = await inspectLocalNode(settings)
  return capture({ dir, root: '/', run: toolRunner(TOOL_LIMIT_MS), machine: toMachine(rest) })
}
