import { getExternalWorkflowHandle, isCancellation, log } from '@temporalio/workflow'
import { NODE_SIGNAL, type NodeNews } from '../src/contracts/node-owner.js'
import { workflowIds } from '../src/contracts/workflow-ids.js'
import type { Lease } from '../src/domain/lease.js'
import { rootMessage } from './steps.js'

/** Tells everybody who has a lease: an endpoint for what is its own, a flow for what is reserved for it. */
export async function tellHolders(leases: readonly Lease[], news: NodeNews): Promise<void> {
  const holders = new Map<string, string | undefined>()
  for (const { state, endpoint, owner } of leases) {
    if (state === 'bound') holders.set(workflowIds.endpoint(endpoint), undefined)
    else holders.set(owner.workflowId, owner.runId)
  }
  await Promise.all([...holders].map(([workflowId, runId]) => tell(workflowId, runId, news)))
}

/** One that has closed needs no news: what it had here is freed when its end is seen. */
async function tell(workflowId: string, runId: string | undefined, news: NodeNews): Promise<void> {
  try {
    await getExternalWorkflowHandle(workflowId, runId).signal(NODE_SIGNAL, news)
  } catch (error) {
    if (!isCancellation(error)) log.info('a holder of a lease could not be told', { workflowId, error: rootMessage(error) })
  }
}
