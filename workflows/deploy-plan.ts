import type { DeployRequest } from '../src/contracts/deploy.js'
import type { Replica } from '../src/contracts/endpoint.js'
import type { PinnedModel } from '../src/contracts/model.js'
import type { NodeInspection } from '../src/domain/node.js'
import type { Candidate, Plan } from '../src/domain/plan.js'
import { control, lookAtNode } from './activities.js'
import { failure } from './input.js'
import { rootMessage } from './steps.js'

/** Looks at every node that may be meant, at the same time. A node that does not answer is left out; none at all is an end. */
export async function inspectNodes(wanted: string | undefined): Promise<NodeInspection[]> {
  const known = await control.listNodes()
  const asked = wanted === undefined ? known : known.filter((nodeId) => nodeId === wanted)
  const looks = await Promise.allSettled(asked.map((nodeId) => lookAtNode(nodeId).inspectNode()))
  const nodes = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))
  if (nodes.length > 0) return nodes
  const silent = looks.flatMap((look, index) => (look.status === 'rejected' ? [`${asked[index]}: ${rootMessage(look.reason)}`] : []))
  const reasons = silent.length > 0 ? silent.join('; ') : `${wanted ?? 'no node'} is not registered`
  throw failure('NoNode', `no node answers: ${reasons}`, { reasons })
}

export type Choice = { plan: Plan; best: Candidate }

/** All candidates in order; none is an end that says why for each recipe. */
export async function planFor(
  request: DeployRequest,
  model: PinnedModel,
  nodes: NodeInspection[],
  current: Replica | null,
): Promise<Choice> {
  const { backend, recipe, file, context, node } = request
  const wishes = {
    ...(backend && { backend }),
    ...(recipe && { recipe }),
    ...(file && { file }),
    ...(context && { context }),
    ...(node && { node }),
  }
  const plan = await control.planDeployment({
    model,
    nodes,
    wishes,
    current: current && { node: current.nodeId, gpus: current.spec.gpus, weightBytes: current.weightBytes },
  })
  const [best] = plan.candidates
  if (best !== undefined) return { plan, best }
  const reasons = plan.dropped
    .map((dropped) => `${dropped.recipe}${dropped.node === null ? '' : ` on ${dropped.node}`}: ${dropped.reason}`)
    .join('; ')
  throw failure('NoCandidate', `no recipe fits: ${reasons || 'there are no recipes'}`, { reasons: reasons || 'there are no recipes' })
}
