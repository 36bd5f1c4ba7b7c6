import { workflowInfo } from '@temporalio/workflow'
import type { Replica } from '../src/contracts/endpoint.js'
import type { EngineKey } from '../src/domain/engine.js'
import { control } from './activities.js'

/**
 * A replacement that did not work out leaves a higher fence on the node than the lease of the engine that is to come back: for the same place it
 * takes a new lease. Null: others have the place now.
 */
export async function renewLease({ nodeId, key, spec }: Replica): Promise<EngineKey | null> {
  const { workflowId, runId } = workflowInfo()
  const { endpoint, replica } = key
  const answer = await control.leaseGpus({ nodeId, endpoint, replica, gpus: spec.gpus, owner: { workflowId, runId } })
  return answer.outcome === 'granted' ? { ...key, fence: answer.fence, launch: 1 } : null
}
