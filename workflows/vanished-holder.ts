import type { Operation } from '../src/contracts/endpoint.js'
import type { Lease } from '../src/domain/lease.js'
import { control } from './activities.js'
import { releaseLease } from './endpoint-news.js'
import { giveBackReserved, stopLeased } from './give-back.js'

/** Terminate and reset run no undo: what such an operation had started under its leases is stopped for it, and the leases are given back. */
export async function cleanUpAfter(endpoint: string, { workflowId, runId }: Operation): Promise<void> {
  await giveBackReserved(endpoint, { workflowId, runId })
  await control.recordLost({ run: { workflowId, runId } })
}

/** What an endpoint has on nodes though its workflow has just begun was left by one that was ended by hand. */
export async function cleanUpBefore(endpoint: string, isOurs: (nodeId: string, lease: Lease) => boolean): Promise<void> {
  const left = await stopLeased(endpoint, ({ nodeId, leases }) => leases.filter((lease) => !isOurs(nodeId, lease)), 0)
  await Promise.all(left.map(({ nodeId, lease }) => releaseLease(nodeId, lease)))
}
