import { dirname, join } from 'node:path'
import { createModelCache } from '../adapters/cache/create-model-cache.js'
import { createLedger } from '../adapters/cache/ledger.js'
import type { Refetch } from '../adapters/cache/repair-blob.js'
import { findTools, createNodeProbe } from '../adapters/probe/index.js'
import { createEngineClient } from '../adapters/engine-client/index.js'
import { createHub } from '../adapters/hub/create-hub.js'
import { createProcessLauncher } from '../adapters/launchers/process/index.js'
import { capture, inspectCaptures, toolRunner, type Captured } from '../adapters/rocm/index.js'
import { createWeightStore } from '../adapters/weights/create-weight-store.js'
import { pathsOf } from '../config/paths.js'
import { readSecret } from '../config/secrets.js'
import type { Settings } from '../config/settings.js'
import { AimError } from '../contracts/errors.js'
import { toInspectedNode, toMachine, type InspectedNode } from '../contracts/inventory.js'
import type { NodeInspection } from '../domain/node.js'
import { commandWith } from '../engines/index.js'
import type { NodePorts } from '../../activities/node/index.js'
import type { EngineLauncher } from '../ports/engine-launcher.js'
import type { Hub } from '../ports/hub.js'
import type { WeightStore } from '../ports/weight-store.js'
import { recipesOf } from './recipes.js'

/** AMD's tools answer in seconds; one that takes longer hangs. */
const TOOL_LIMIT_MS = 20_000

/** The hub that the settings name. The token is read anew for each request, and only there. */
export function hubOf(settings: Settings): Hub {
  return createHub({ endpoint: settings.hubEndpoint, token: () => readSecret(settings.hubToken) })
}

/** The engines of this machine, running or ended. */
export function launcherOf(settings: Settings): EngineLauncher {
  return createProcessLauncher({ dir: pathsOf(settings).engines, command: commandWith(findTools(settings)), ports: settings.enginePorts })
}

export function nodePortsOf(settings: Settings): NodePorts {
  const { hubCache, partials } = pathsOf(settings)
  const hub = hubOf(settings)
  const weights = createWeightStore({ hub, hubCache, partials })
  const ledger = createLedger({ folder: join(dirname(partials), 'ledger') })
  return {
    nodeId: settings.nodeId,
    namespace: settings.temporalNamespace,
    probe: createNodeProbe({
      hubCache,
      tools: findTools(settings),
      cards: () => recipesOf(settings).hardware(),
      labels: labelsOf(settings.nodeLabels),
      runTool: toolRunner(TOOL_LIMIT_MS),
    }),
    weights,
    cache: createModelCache({ hubCache, partials, ledger, refetch: refetcher(hub, weights) }),
    ledger,
    cachePolicy: { order: 'lru' },
    launcher: launcherOf(settings),
    client: createEngineClient(),
  }
}

/** Brings one file again: of the commit that it belongs to, verified as any other. */
function refetcher(hub: Hub, weights: WeightStore): Refetch {
  return async (repo, commit, path, signal) => {
    const model = await hub.pin(repo, commit, signal)
    const files = model.files.filter((file) => file.path === path)
    if (files.length === 0) throw new AimError('HubProtocol', { hub: 'the hub', what: `${repo}@${commit}`, reason: `it lists no ${path}` })
    await weights.ensure(model, files, { ...(signal && { signal }) })
  }
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
    const { gpus, rocm, problems, ...rest } = await inspectLocalNode(settings)
    return toInspectedNode({ gpus, rocm, problems }, toMachine(rest))
  }
  const { machine, ...found } = await inspectCaptures(dir, await recipesOf(settings).hardware())
  return toInspectedNode(found, machine)
}

/** Writes what this machine shows into a folder that `inspectNode` reads. @throws AimError `InvalidInput` for a folder that is not empty. */
export async function captureLocalNode(settings: Settings, dir: string): Promise<Captured> {
  const { gpus: _gpus, rocm: _rocm, problems: _problems, ...rest } = await inspectLocalNode(settings)
  return capture({ dir, root: '/', run: toolRunner(TOOL_LIMIT_MS), machine: toMachine(rest) })
}
