import { AimError } from '../../src/contracts/errors.js'
import { DERIVED, recipesFor } from '../../src/domain/derive-recipes.js'
import type { ModelFacts } from '../../src/domain/model.js'
import { nearNames } from '../../src/domain/near-names.js'
import type { NodeInspection } from '../../src/domain/node.js'
import type { Plan } from '../../src/domain/plan.js'
import type { Recipe } from '../../src/domain/recipe.js'
import type { Requirements } from '../../src/domain/requirements.js'
import { makePlan, type Current } from '../../src/domain/selection/make-plan.js'
import { nearest } from '../../src/engines/nearest.js'
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
  const choice = recipesFor(model, authored, hardware)
  const known = { cards: hardware.map(({ name }) => name), choice, authored, nodes }
  const asked = withKnownNames(requirements, model, known)
  return makePlan({
    model,
    nodes,
    recipes: choice,
    hardware,
    requirements: { ...asked, remoteCode: repos.filter((repo) => policy.allowsRemoteCode(repo)) },
    current,
    prices,
    measurements,
  })
}

type Known = { cards: string[]; choice: Recipe[]; authored: Recipe[]; nodes: NodeInspection[] }

/** Names as the tables write them. One that nobody knows is a slip of the pen, not a narrow choice. @throws AimError `InvalidInput` */
function withKnownNames<Wanted extends Asked['requirements']>(wanted: Wanted, model: ModelFacts, known: Known): Wanted {
  const { hardware, recipe, node } = wanted
  if (recipe !== undefined) refuseUnknownRecipe(recipe, model, known)
  if (node !== undefined && !known.nodes.some(({ nodeId }) => nodeId === node)) {
    throw invalid('node', `there is no node ${node}; there ${listed(known.nodes.map(({ nodeId }) => nodeId))}`)
  }
  return hardware === undefined ? wanted : { ...wanted, hardware: hardware.map((name) => cardNamed(name, known.cards)) }
}

function cardNamed(name: string, cards: string[]): string {
  const found = cards.find((card) => card.toLowerCase() === name.toLowerCase())
  if (found !== undefined) return found
  const longer = cards.filter((card) => card.toLowerCase().startsWith(name.toLowerCase()))
  const near = longer.length > 0 ? longer.join(' or ') : nearest(name, cards)
  throw invalid('hardware', `${name} is none of ${cards.join(', ')}${near === null ? '' : `; the nearest is ${near}`}`)
}

function refuseUnknownRecipe(id: string, model: ModelFacts, { choice, authored }: Known): void {
  if (choice.some((recipe) => recipe.id === id)) return
  const other = authored.find((recipe) => recipe.id === id)?.model ?? modelOfDerived(id)
  const own = [model.repo, ...model.variants.map(({ repo }) => repo)]
  const isForAnother = other !== null && !own.includes(other)
  const what = isForAnother ? `recipe ${id} is for ${other}, not ${model.repo}` : `there is no recipe ${id} for ${model.repo}`
  const ids = choice.map((recipe) => recipe.id)
  const near = ids.length === 0 ? '' : `; the nearest are ${nearNames(id, ids).join(', ')}`
  throw invalid('recipe', `${what}${near}; aim recipes list ${model.repo} --all shows all`)
}

/** `derived/org/name/...` says what it is for. */
function modelOfDerived(id: string): string | null {
  const [org, name] = id.startsWith(DERIVED) ? id.slice(DERIVED.length).split('/') : []
  return org === undefined || name === undefined ? null : `${org}/${name}`
}

/** A fleet may be large. */
const MOST_NODES = 10

function listed(names: string[]): string {
  const more = names.length > MOST_NODES ? ` and ${names.length - MOST_NODES} more` : ''
  return names.length === 0 ? 'is none' : `${names.length === 1 ? 'is' : 'are'} ${names.slice(0, MOST_NODES).join(', ')}${more}`
}

function invalid(field: string, rule: string): AimError {
  return new AimError('InvalidInput', { field, rule })
}
