import { findTools, createNodeProbe } from '../adapters/probe/index.js'
import { createEngineClient } from '../adapters/engine-client/index.js'
import { createHub } from '../adapters/hub/create-hub.js'
import { createProcessLauncher } from '../adapters/launchers/process/index.js'
import { createWeightStore } from '../adapters/weights/create-weight-store.js'
import { pathsOf } from '../config/paths.js'
import { readSecret } from '../config/secrets.js'
import type { Settings } from '../config/settings.js'
import type { NodeInspection } from '../domain/node.js'
import { commandWith } from '../engines/index.js'
import type { NodePorts } from '../../activities/node/index.js'
import type { EngineLauncher } from '../ports/engine-launcher.js'
import type { Hub } from '../ports/hub.js'

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
  return {
    nodeId: settings.nodeId,
    namespace: settings.temporalNamespace,
    probe: createNodeProbe({ hubCache, tools: findTools(settings) }),
    weights: createWeightStore({ hub: hubOf(settings), hubCache, partials }),
    launcher: launcherOf(settings),
    client: createEngineClient(),
  }
}

/** What this machine has and can run, without any worker. */
export async function inspectLocalNode(settings: Settings): Promise<NodeInspection> {
  return { nodeId: settings.nodeId, ...(await nodePortsOf(settings).probe.inspect()) }
}
