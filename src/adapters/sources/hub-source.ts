import { isAimError, type ErrorCode } from '../../contracts/errors.js'
import type { Hub } from '../../ports/hub.js'
import type { WeightSource } from '../../ports/weight-source.js'

/** The hub itself, as a place that bytes come from. */
export function hubSource(hub: Hub, name = 'hub'): WeightSource {
  return {
    kind: 'hub',
    name,
    locate: (model, file, signal) => hub.locate(model, file, signal),
    direct: (model, file) => hub.direct(model, file),
    read: (location, range, signal) => hub.read(location, range, signal),
  }
}

/** What says that a mirror does not hold this file, or another one under its name. */
const ABSENT: ReadonlySet<ErrorCode> = new Set(['ModelNotFound', 'RevisionNotFound', 'HubProtocol'])

/** A server near by in the hub's protocol, which may hold a file or not: so it is always asked first. */
export function mirrorSource(hub: Hub, name: string): WeightSource {
  return {
    kind: 'mirror',
    name,
    async locate(model, file, signal) {
      try {
        return await hub.locate(model, file, signal)
      } catch (error) {
        if (isAimError(error) && ABSENT.has(error.code)) return null
        throw error
      }
    },
    read: (location, range, signal) => hub.read(location, range, signal),
  }
}
