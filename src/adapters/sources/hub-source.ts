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
