import { createHub } from '../adapters/hub/create-hub.js'
import { readSecret } from '../config/secrets.js'
import type { Settings } from '../config/settings.js'
import type { Hub } from '../ports/hub.js'

/** The hub that the settings name. The token is read anew for each request, and only there. */
export function hubOf(settings: Settings): Hub {
  return createHub({ endpoint: settings.hubEndpoint, token: () => readSecret(settings.hubToken) })
}
