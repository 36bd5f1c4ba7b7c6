import type { ApplicationFailure } from '@temporalio/workflow'
import { requirementsOf, type DeployRequest } from '../src/contracts/deploy.js'
import type { Replica } from '../src/contracts/endpoint.js'
import type { PinnedModel } from '../src/contracts/model.js'
import type { NodeInspection } from '../src/domain/node.js'
import type { Candidate, Plan } from '../src/domain/plan.js'
import { noCandidateReasons } from '../src/domain/plan-reasons.js'
import { control } from './activities.js'
import { failure } from './input.js'

/** The plan, its first choice, and the pinned model that the first choice loads: maybe another precision of the one that was named. */
export type Choice = { plan: Plan; best: Candidate; model: PinnedModel }
/** The same where nothing may fit: then it is the plan that tells why. */
export type Planned = Omit<Choice, 'best'> & { best: Candidate | null }

/** All candidates in order; none is an end that says why for each recipe. */
export async function planFor(...asked: Parameters<typeof planAsAsked>): Promise<Choice> {
  const { best, ...planned } = await planAsAsked(...asked)
  if (best === null) throw noCandidate(planned.plan)
  return { ...planned, best }
}

export async function planAsAsked(
  request: DeployRequest,
  named: PinnedModel,
  nodes: NodeInspection[],
  current: Replica | null,
): Promise<Planned> {
  const plan = await control.planDeployment({
    model: named,
    nodes,
    requirements: requirementsOf(request),
    current: current && { node: current.nodeId, gpus: current.spec.gpus, weightBytes: current.weightBytes },
  })
  const best = firstOf(plan, request)
  return { plan, best, model: best === null || best.model === named.repo ? named : await pinVariant(best.model, named) }
}

/** Where nothing meets the request, what gives something up is a choice only for who allowed that. */
function firstOf({ candidates, fallback }: Plan, request: DeployRequest): Candidate | null {
  return candidates[0] ?? (request.fallback.mode === 'any' ? fallback[0] : null) ?? null
}

/** A branch or commit of one repository says nothing of another: only `main` is every repository's. */
async function pinVariant(model: string, { repo, ref }: PinnedModel): Promise<PinnedModel> {
  if (ref === 'main') return control.pinModel({ model, ref })
  const rule = `${ref} is of ${repo}, and the plan chose ${model}: name that repository, or leave the ref out`
  throw failure('InvalidInput', `ref: ${rule}`, { field: 'ref', rule })
}

function noCandidate(plan: Plan): ApplicationFailure {
  const reasons = noCandidateReasons(plan)
  return failure('NoCandidate', `no recipe fits: ${reasons}`, { reasons })
}
