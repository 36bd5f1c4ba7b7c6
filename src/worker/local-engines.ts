import { findTools } from '../adapters/probe/index.js'
import { createProcessLauncher } from '../adapters/launchers/process/index.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { commandWith } from '../engines/index.js'
import type { EngineLauncher } from '../ports/engine-launcher.js'

export function launcherOf(settings: Settings): EngineLauncher {
  return createProcessLauncher({ dir: pathsOf(settings).engines, command: commandWith(findTools(settings)), ports: settings.enginePorts })
}

/** Every engine of ours on this machine, running or ended, with its log. Needs no worker and no Temporal. */
export const localEngines = (settings: Settings) => launcherOf(settings).list()

/** Those that run now, each with the weights that it was started with. */
export async function enginesInUse(settings: Settings): Promise<{ endpoint: string; path: string }[]> {
  const engines = await localEngines(settings)
  return engines.filter(({ state }) => state.phase === 'running').map(({ key, spec }) => ({ endpoint: key.endpoint, path: spec.modelPath }))
}
