import { isCancellation, log, workflowInfo } from '@temporalio/workflow'
import type { Run } from '../src/contracts/messages.js'
import type { NodeView } from '../src/contracts/node-owner.js'
import { GRACE_SECONDS } from '../src/domain/engine.js'
import type { Lease } from '../src/domain/lease.js'
import { reservedFor } from '../src/domain/node-book.js'
import { control, sweepNode } from './activities.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/** What is reserved for a flow that was ended by hand, on every node: what it has started under that ends first. */
export async function giveBackReserved(endpoint: string, { workflowId, runId }: Run): Promise<void> {
  const owner = { workflowId, runId }
  await stopLeased(endpoint, (view) => reservedFor(view, owner), 0)
  await control.giveBackEverywhere({ endpoint, owner })
}

/** The same for the flow that runs here, with what is reserved for any run of it: after a reset a replay must choose what the earlier run chose. */
export async function giveBackOwn(endpoint: string): Promise<void> {
  const { workflowId, runId } = workflowInfo()
  await stopLeased(endpoint, (view) => reservedFor(view, { workflowId }), GRACE_SECONDS)
  await control.giveBackEverywhere({ endpoint, owner: { workflowId, runId } })
}

export type Left = { nodeId: string; lease: Lease }

/** Stops what runs under leases of an endpoint, and answers them. Where that does not work the node does it by itself, once the lease is gone. */
export async function stopLeased(endpoint: string, which: (view: NodeView) => Lease[], graceSeconds: number): Promise<Left[]> {
  const views = await control.nodeViews()
  const left = views.map((view) => ({ ...view, ours: which(view).filter((lease) => lease.endpoint === endpoint) }))
  await Promise.all(
    left.flatMap(({ nodeId, presence, ours }) => (presence === 'lost' ? [] : ours.map((lease) => stop({ nodeId, lease }, graceSeconds)))),
  )
  return left.flatMap(({ nodeId, ours }) => ours.map((lease) => ({ nodeId, lease })))
}

async function stop({ nodeId, lease: { endpoint, fence } }: Left, graceSeconds: number): Promise<void> {
  try {
    await keepStuckAway(nodeId, await sweepNode(nodeId).stopEndpoint({ endpoint, fence, graceSeconds }))
  } catch (error) {
    if (isCancellation(error)) throw error
    log.warn('an engine without an owner was not stopped', { node: nodeId, endpoint, fence, error: rootMessage(error) })
  }
}
