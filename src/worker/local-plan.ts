import { describeModel } from '../../activities/control/describe-model.js'
import { withLoadableFiles } from '../../activities/control/loadable-files.js'
import { makePlanFor } from '../../activities/control/make-plan-for.js'
import { createPlanPolicy } from '../adapters/plan-policy/create-plan-policy.js'
import type { Settings } from '../config/settings.js'
import { isAimError } from '../contracts/errors.js'
import type { PinnedModel } from '../contracts/model.js'
import { factsFromCatalogue } from '../domain/catalogue.js'
import type { ModelFacts } from '../domain/model.js'
import type { NodeInspection } from '../domain/node.js'
import type { Plan } from '../domain/plan.js'
import type { Requirements } from '../domain/requirements.js'
import { hubOf } from './local-hub.js'
import { recipesOf } from './recipes.js'

type Asked = { model: string; ref: string; nodes: NodeInspection[]; requirements: Omit<Requirements, 'remoteCode'> }
export type LocalPlan = { plan: Plan; model: { repo: string; commit: string | null }; notes: string[] }

/** The plan that a deploy would make for these nodes, made here: no Temporal, no database, nothing is changed. */
export async function planLocally(settings: Settings, { model, ref, nodes, requirements }: Asked): Promise<LocalPlan> {
  const recipes = recipesOf(settings)
  const catalogued = factsFromCatalogue(model, await recipes.models())
  const policy = createPlanPolicy(settings)
  const found = await pin(settings, model, ref, catalogued)
  const pinned = 'notes' in found ? found : withLoadableFiles(found, policy)
  const facts = 'notes' in pinned ? pinned.facts : await describeModel({ hub: hubOf(settings), recipes }, pinned)
  const ports = { recipes, policy, records: { measurements: async () => [] } }
  const plan = await makePlanFor(ports, { model: facts, nodes, requirements, current: null })
  return 'notes' in pinned
    ? { plan, model: { repo: model, commit: null }, notes: pinned.notes }
    : { plan, model: { repo: pinned.repo, commit: pinned.commit }, notes: [] }
}

/** A model of the catalogue can be planned without its hub; any other cannot. */
async function pin(
  settings: Settings,
  model: string,
  ref: string,
  catalogued: ModelFacts | null,
): Promise<PinnedModel | { facts: ModelFacts; notes: string[] }> {
  try {
    return await hubOf(settings).pin(model, ref)
  } catch (error) {
    if (catalogued === null || !isAimError(error)) throw error
    const unseen = ref === 'main' ? '' : `; --ref ${ref} was not looked at`
    return { facts: catalogued, notes: [`planned from the catalogue, because the hub was not asked in full: ${error.message}${unseen}`] }
  }
}
