import { enginesInUse as enginesOf, weightsInUse as weightsOfEngines } from '../../activities/node/engines-in-use.js'
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

/** What no cleanup of this machine takes. */
export const weightsInUse = (settings: Settings): Promise<string[]> => weightsOfEngines(launcherOf(settings))

/** Each engine with the weights that it was started with. */
export const enginesInUse = (settings: Settings) => enginesOf(launcherOf(settings))
