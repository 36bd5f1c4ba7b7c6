import type { CachePolicy } from '../../src/domain/cache/policy.js'
import type { CacheLedger } from '../../src/ports/cache-ledger.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import type { FenceStore } from '../../src/ports/fence-store.js'
import type { ModelCache } from '../../src/ports/model-cache.js'
import type { NodeDesk } from '../../src/ports/node-desk.js'
import type { NodeProbe } from '../../src/ports/node-probe.js'
import type { WeightStore } from '../../src/ports/weight-store.js'
import { withFailures } from '../failures.js'
import { attendActivities } from './attend.js'
import { cacheActivities } from './cache.js'
import { checkActivities } from './check.js'
import { engineActivities } from './engine.js'
import { machineActivities } from './machine.js'
import { watchActivities } from './watch.js'

export type NodePorts = {
  nodeId: string
  namespace: string
  probe: NodeProbe
  weights: WeightStore
  cache: ModelCache
  ledger: CacheLedger
  /** What this node's cache may hold, as its settings say. */
  cachePolicy: CachePolicy
  launcher: EngineLauncher
  fences: FenceStore
  /** Milliseconds that a driver may take to give GPU memory back; absent: 20 s. */
  freeWithinMs?: number
  client: EngineClient
  /** In which time a hang of an engine is found. */
  hangMs: number
  /** Milliseconds without progress after which a start has failed; absent: ten minutes. */
  stallMs?: number
}

/** All activities of a node's own queue. */
export function nodeActivities(ports: NodePorts) {
  return withFailures({ ...machineActivities(ports), ...engineActivities(ports), ...cacheActivities(ports), ...checkActivities(ports) })
}
export type NodeActivities = ReturnType<typeof nodeActivities>

/** The activities of a node's watch queue: long, and never in the way of a launch or an undo. */
export function nodeWatchActivities(ports: NodePorts & { desk: NodeDesk }) {
  return withFailures({ ...watchActivities(ports), ...attendActivities(ports) })
}
export type NodeWatchActivities = ReturnType<typeof nodeWatchActivities>
