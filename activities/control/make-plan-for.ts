import { recipesFor } from '../../src/domain/derive-recipes.js'
import type { ModelFacts } from '../../src/domain/model.js'
import type { NodeInspection } from '../../src/domain/node.js'
import type { Plan } from '../../src/domain/plan.js'
import type { Requirements } from '../../src/domain/requirements.js'
import { makePlan, type Current } from '../../src/domain/selection/make-plan.js'
import type { PlanPolicy } from '../../src/ports/plan-policy.js'
import type { Recipes } from '../../src/ports/recipes.js'
import type { Records } from '../../src/ports/records.js'

type Ports = { recipes: Recipes; policy: PlanPolicy; records: Pick<Records, 'measurements'> }
type Asked = { model: ModelFacts; nodes: NodeInspection[]; requirements: Omit<Requirements, 'remoteCode'>; current: Current | null }

/** Gathers all that a plan depends on, and makes it. */
export async function makePlanFor({ recipes, policy, records }: Ports, { model, nodes, requirements, current }: Asked): Promise<Plan> {
  const repos = [...new Set([model.repo, ...model.variants.map(({ repo }) => repo)])]
  const [authored, hardware, prices, measurements] = await Promise.all([
    recipes.all(),
    recipes.hardware(),
    policy.prices(),
    records.measurements(repos),
  ])
  return makePlan({
    model,
    nodes,
    recipes: recipesFor(model, authored, hardware),
    hardware,
    requirements: { ...requirements, remoteCode: repos.filter((repo) => policy.allowsRemoteCode(repo)) },
    current,
    prices,
    measurements,
  })
}
