import type { Operation } from '../src/contracts/endpoint.js'
import { control } from './activities.js'
import { giveBackReserved } from './give-back.js'

/** Terminate and reset run no undo: what such an operation had started under its leases is stopped for it, and the leases are given back. */
export async function cleanUpAfter(endpoint: string, { workflowId, runId }: Operation): Promise<void> {
  await giveBackReserved(endpoint, { workflowId, runId }, 0)
  await control.recordLost({ run: { workflowId, runId } })
}
