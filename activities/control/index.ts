import type { Cluster } from '../../src/ports/cluster.js'
import type { Hub } from '../../src/ports/hub.js'
import type { NodeOwners } from '../../src/ports/node-owners.js'
import type { PlanPolicy } from '../../src/ports/plan-policy.js'
import type { Recipes } from '../../src/ports/recipes.js'
import type { Records } from '../../src/ports/records.js'
import { withBeats } from '../beat.js'
import { withFailures } from '../failures.js'
import { admissionActivities } from './admission.js'
import { leaseActivities } from './leases.js'
import { operationActivities, waitingActivities } from './operations.js'
import { planningActivities } from './planning.js'

export type ControlPorts = { cluster: Cluster; owners: NodeOwners; hub: Hub; recipes: Recipes; records: Records; policy: PlanPolicy }

const BEAT_MS = 3_000

/** All activities of the control queue. */
export function controlActivities(ports: ControlPorts) {
  const activities = {
    ...admissionActivities(ports),
    ...leaseActivities(ports),
    ...operationActivities(ports),
    ...planningActivities(ports),
  }
  return withFailures(withBeats(BEAT_MS, activities))
}
export type ControlActivities = ReturnType<typeof controlActivities>

/** The activities that only wait, for their own queue: a passing fault says nothing of what they wait for, however often it comes. */
export function controlWaitActivities(ports: Pick<ControlPorts, 'cluster'>) {
  return withFailures(waitingActivities(ports), Number.POSITIVE_INFINITY)
}
export type ControlWaitActivities = ReturnType<typeof controlWaitActivities>
