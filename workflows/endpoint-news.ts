import { CancellationScope, getExternalWorkflowHandle, isCancellation, log } from '@temporalio/workflow'
import type { Replica } from '../src/contracts/endpoint.js'
import { BIND_SIGNAL, RELEASE_SIGNAL, type Binding, type LeaseName, type NodeNews } from '../src/contracts/node-owner.js'
import { workflowIds } from '../src/contracts/workflow-ids.js'
import { GRACE_SECONDS } from '../src/domain/engine.js'
import { sweepNode } from './activities.js'
import { comeBack, stay } from './endpoint-healing.js'
import { publish, type Supervised } from './endpoint-state.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/** What the owner of the replica's node tells. `busy`: a repair is under way, which is let finish. */
export function hear(its: Supervised, { nodeId, presence, instance, drain }: NodeNews, busy: boolean): void {
  const { state } = its
  const { replica } = state
  if (replica?.nodeId !== nodeId) return
  if (instance !== null && instance !== state.instance) {
    state.instance = instance
    its.generation += 1
  }
  const before = state.presence
  Object.assign(state, { presence, draining: drain })
  const { trouble } = state
  if (presence === 'lost' && before !== 'lost' && trouble?.gone !== true && !state.degraded) leaveLost(its, nodeId)
  else if (presence === 'ready' && trouble?.kind === 'lost' && !busy) comeBack(its)
  else if (drain && trouble === null && !state.degraded) leaveDrained(its, nodeId)
  else if (!drain && trouble?.kind === 'drain' && !busy) stay(its)
  publish(its)
}

/** What runs there may live on, unseen: it is left, and its node ends it when it comes back to a lease that has moved on. */
function leaveLost({ state }: Supervised, node: string): void {
  const why = `node ${node} does not answer`
  const trouble = { kind: 'lost', why, avoid: [{ node, gpus: [] }], gone: true, rung: 'repair', tries: 0, retryAtMs: null } as const
  Object.assign(state, { trouble, reason: why, downSinceMs: state.downSinceMs ?? Date.now() })
}

function leaveDrained({ state }: Supervised, node: string): void {
  const why = `node ${node} is drained`
  const trouble = { kind: 'drain', why, avoid: [{ node, gpus: [] }], gone: false, rung: 'repair', tries: 0, retryAtMs: null } as const
  Object.assign(state, { trouble, next: `it moves away: ${why}` })
}

/** The lease of a replica that was adopted is the endpoint's from here, in the same step. */
export function bindLease(replica: Replica): Promise<void> {
  return tell(BIND_SIGNAL, replica, { gpus: replica.spec.gpus })
}

/** Ends what the endpoint has left behind on another node, once what it was asked is answered, and gives up its lease. A node that does not answer does the same when it is back. */
export async function leave(endpoint: string, replica: Replica): Promise<void> {
  try {
    const { nodeId, key } = replica
    await keepStuckAway(nodeId, await sweepNode(nodeId).stopEndpoint({ endpoint, fence: key.fence, graceSeconds: GRACE_SECONDS }))
  } catch (error) {
    if (isCancellation(error)) throw error
    log.warn('a node that was left does not answer', { node: replica.nodeId, error: rootMessage(error) })
  }
  await tell(RELEASE_SIGNAL, replica)
}

export function releaseLease(nodeId: string, key: LeaseName): Promise<void> {
  return tell(RELEASE_SIGNAL, { nodeId, key })
}

/** A node that nobody owns any more has no leases to change. */
async function tell(
  signal: string,
  { nodeId, key: { endpoint, replica, fence } }: { nodeId: string; key: LeaseName },
  more: Pick<Binding, 'gpus'> = {},
): Promise<void> {
  const lease: Binding = { endpoint, replica, fence, ...more }
  try {
    await CancellationScope.nonCancellable(() => getExternalWorkflowHandle(workflowIds.node(nodeId)).signal(signal, lease))
  } catch (error) {
    log.warn('the owner of a node could not be told', { node: nodeId, signal, error: rootMessage(error) })
  }
}
