import type { PinnedModel } from '../../src/contracts/model.js'
import type { NodeInspection } from '../../src/domain/node.js'
import type { Plan } from '../../src/domain/plan.js'
import { makePlan, type Wishes } from '../../src/domain/selection.js'
import type { Cluster } from '../../src/ports/cluster.js'
import type { Hub } from '../../src/ports/hub.js'
import type { Recipes } from '../../src/ports/recipes.js'
import type { Records } from '../../src/ports/records.js'
import { beating } from '../beat.js'
import { caller } from '../run.js'

type Ports = { hub: Hub; cluster: Cluster; recipes: Recipes; records: Records }
type PlanInput = { model: PinnedModel; nodes: NodeInspection[]; wishes: Wishes }

/** From a name to an ordered, stored plan. */
export function planningActivities({ hub, cluster, recipes, records }: Ports) {
  return {
    pinModel: ({ model, ref }: { model: string; ref: string }): Promise<PinnedModel> =>
      beating(5_000, (signal) => hub.pin(model, ref, signal)),

    listNodes: (): Promise<string[]> => cluster.nodes(),

    async planDeployment({ model, nodes, wishes }: PlanInput): Promise<Plan> {
      const plan = makePlan(model, nodes, await recipes.all(), wishes)
      await records.savePlan(caller(), plan)
      return plan
    },
  }
}
