import { findTools } from '../adapters/probe/index.js'
import { createHub } from '../adapters/hub/create-hub.js'
import { createProcessLauncher } from '../adapters/launchers/process/index.js'
import { hubSource } from '../adapters/sources/hub-source.js'
import { createWeightStore } from '../adapters/weights/create-weight-store.js'
import { pathsOf } from '../config/paths.js'
import { readSecret } from '../config/secrets.js'
import type { Settings } from '../config/settings.js'
import { commandWith } from '../engines/index.js'
import type { CacheLedger } from '../ports/cache-ledger.js'
import type { EngineLauncher } from '../ports/engine-launcher.js'
import type { Hub } from '../ports/hub.js'
import type { WeightStore } from '../ports/weight-store.js'

/** The hub that the settings name. The token is read anew for each request, and only there. */
export function hubOf(settings: Settings): Hub {
  return createHub({ endpoint: settings.hubEndpoint, token: () => readSecret(settings.hubToken) })
}

/** The engines of this machine, running or ended. */
export function launcherOf(settings: Settings): EngineLauncher {
  return createProcessLauncher({ dir: pathsOf(settings).engines, command: commandWith(findTools(settings)), ports: settings.enginePorts })
}

type Told = { ledger: CacheLedger; evictableBytes?: () => Promise<number> }

/** The weights of this machine. What they do is written into the ledger. */
export function weightsOf(settings: Settings, told: Told): WeightStore {
  const { hubCache, partials } = pathsOf(settings)
  const hub = hubSource(hubOf(settings), `hub ${settings.hubEndpoint}`)
  return createWeightStore({ sources: () => [hub], hubCache, partials, ...told })
}
