import type { AimClient } from '../client/types.js'
import type { Settings } from '../config/settings.js'
import { temporalOf } from '../config/stack-file.js'
import { AimError } from '../contracts/errors.js'

/** Connects to the cluster of the settings, else to the running stack. Throws NotRunning before anything heavy is loaded. */
export async function connectTo(settings: Settings): Promise<AimClient> {
  const temporal = temporalOf(settings)
  if (temporal === null) throw new AimError('NotRunning', { what: 'AIM Engine' })
  const { connectAim } = await import('../client/connect.js')
  return connectAim(temporal)
}
