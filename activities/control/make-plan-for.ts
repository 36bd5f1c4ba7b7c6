import { AimError } from '../../src/contracts/errors.js'
import { DERIVED, recipesFor } from '../../src/domain/derive-recipes.js'
import type { Card } from '../../src/domain/hardware.js'
import type { ModelFacts } from '../../src/domain/model.js'
import type { NodeInspection } from '../../src/domain/node.js'
import type { Plan } from '../../src/domain/plan.js'
import type { Recipe } from '../../src/domain/recipe.js'
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
  refuseUnknown(requirements, hardware, authored)
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

/** Names that nobody knows are a slip of the pen, not a narrow choice. Derived recipes are known by their beginning. */
function refuseUnknown({ hardware: wanted = [], recipe }: Asked['requirements'], cards: Card[], recipes: Recipe[]): void {
  const names = cards.map(({ name }) => name)
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new AimError('InvalidInput', { field: 'hardware', rule: `${unknown} is none of ${names.join(', ')}` })
  if (recipe === undefined || recipe.startsWith(DERIVED) || recipes.some(({ id }) => id === recipe)) return
  throw new AimError('InvalidInput', { field: 'recipe', rule: `there is no recipe ${recipe}; aim recipes list shows them` })
}
