import { AimError } from '../../src/contracts/errors.js'
import type { PinnedModel } from '../../src/contracts/model.js'
import type { Measurement } from '../../src/domain/measurement.js'
import type { NodeInspection } from '../../src/domain/node.js'
import type { Plan } from '../../src/domain/plan.js'
import type { Requirements } from '../../src/domain/requirements.js'
import type { Current } from '../../src/domain/selection/make-plan.js'
import type { Cluster } from '../../src/ports/cluster.js'
import type { Hub } from '../../src/ports/hub.js'
import type { PlanPolicy } from '../../src/ports/plan-policy.js'
import type { Recipes } from '../../src/ports/recipes.js'
import type { Records } from '../../src/ports/records.js'
import { beating } from '../beat.js'
import { caller } from '../run.js'
import { describeModel } from './describe-model.js'
import { withLoadableFiles } from './loadable-files.js'
import { makePlanFor } from './make-plan-for.js'

type Ports = { hub: Hub; cluster: Cluster; recipes: Recipes; records: Records; policy: PlanPolicy }
type PlanInput = { model: PinnedModel; nodes: NodeInspection[]; requirements: Omit<Requirements, 'remoteCode'>; current: Current | null }

/** About 1 MB as an activity's result; the largest models have some hundred. */
const MOST_FILES = 5_000

/** From a name to an ordered, stored plan. */
export function planningActivities({ hub, cluster, recipes, records, policy }: Ports) {
  return {
    /** Only files that a backend can load are kept: a result is limited to 2 MB, and some repositories hold thousands of others. */
    pinModel: ({ model, ref }: { model: string; ref: string }): Promise<PinnedModel> =>
      beating(5_000, async (signal) => {
        const pinned = withLoadableFiles(await hub.pin(model, ref, signal), policy)
        const { length } = pinned.files
        if (length > MOST_FILES) throw new AimError('TooManyFiles', { model, files: length, most: MOST_FILES })
        return pinned
      }),

    /** Where a branch or tag points now: its files stay out of the history. */
    resolveRef: ({ model, ref }: { model: string; ref: string }): Promise<string> =>
      beating(5_000, async (signal) => (await hub.pin(model, ref, signal)).commit),

    listNodes: (): Promise<string[]> => cluster.nodes(),

    planDeployment: ({ model, ...asked }: PlanInput): Promise<Plan> =>
      beating(5_000, async (signal) => {
        const facts = await describeModel({ hub, recipes }, model, signal)
        const plan = await makePlanFor({ recipes, policy, records }, { model: facts, ...asked })
        await records.savePlan(caller(), plan)
        return plan
      }),

    /** What an engine told of itself once it was ready: the next plan of this kind starts from it. */
    keepMeasurement: (measurement: Measurement): Promise<void> => records.saveMeasurement(measurement),
  }
}
