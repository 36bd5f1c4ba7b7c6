import type { Settings } from '../config/settings.js'
import { launcherOf } from './local-node.js'

/** Every engine of ours on this machine, running or ended, with its log. Needs no worker and no Temporal. */
export const localEngines = (settings: Settings) => launcherOf(settings).list()
