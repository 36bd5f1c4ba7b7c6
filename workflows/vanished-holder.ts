import { isCancellation, log } from '@temporalio/workflow'
import type { Operation } from '../src/contracts/endpoint.js'
import type { NodeView } from '../src/contracts/node-owner.js'
import type { Lease } from '../src/domain/lease.js'
import { reservedFor } from '../src/domain/node-book.js'
import { control, sweepNode } from './activities.js'
import { releaseLease } from './endpoint-news.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/**
 * Terminate and reset run no undo: what such an operation had started under its leases is stopped for it, on every node that answers, and
 * the leases are given back. One that does not answer ends it when it is back, because the lease is gone.
 */
export async function cleanUpAfter(endpoint: string, { workflowId, runId }: Operation): Promise<void> {
  const owner = { workflowId, runId }
  await stopLeased(endpoint, (view) => reservedFor(view, owner))
  await control.giveBackEverywhere({ endpoint, owner })
  await control.recordLost({ run: owner })
}

/** What an endpoint has on nodes though its workflow has just begun was left by one that was ended by hand. */
export async function cleanUpBefore(endpoint: string, isOurs: (nodeId: string, lease: Lease) => boolean): Promise<void> {
  const left = await stopLeased(endpoint, ({ nodeId, leases }) => leases.filter((lease) => !isOurs(nodeId, lease)))
  await Promise.all(left.map(({ nodeId, lease }) => releaseLease(nodeId, lease)))
}

type Left = { nodeId: string; lease: Lease }

/** Stops what runs under an endpoint's leases. Where that does not work the node does it by itself, once the lease is gone. */
async function stopLeased(endpoint: string, which: (view: NodeView) => Lease[]): Promise<Left[]> {
  const left = (await control.nodeViews()).flatMap((view) =>
    which(view)
      .filter((lease) => lease.endpoint === endpoint)
      .map((lease) => ({ nodeId: view.nodeId, lease })),
  )
  await Promise.all(left.map((one) => stop(one)))
  return left
}

async function stop({ nodeId, lease: { endpoint, fence } }: Left): Promise<void> {
  try {
    await keepStuckAway(nodeId, await sweepNode(nodeId).stopEndpoint({ endpoint, fence, graceSeconds: 0 }))
  } catch (error) {
    if (isCancellation(error)) throw error
    log.warn('an engine without an owner was not stopped', { node: nodeId, endpoint, fence, error: rootMessage(error) })
  }
}
