import { CancellationScope, workflowInfo } from '@temporalio/workflow'
import type { Replica } from '../src/contracts/endpoint.js'
import type { EngineKey } from '../src/domain/engine.js'
import { control } from './activities.js'

/**
 * A replacement that did not work out leaves a higher fence on the node than the lease of the engine that is to come back: for the same place it
 * takes a new lease. Called off or not, it is given back unless `keep` takes the key. Null: others have the place now, or nobody wants it.
 */
export function renewLease({ nodeId, key, spec }: Replica, keep: (key: EngineKey) => boolean): Promise<EngineKey | null> {
  const { workflowId, runId } = workflowInfo()
  const { endpoint, replica } = key
  const owner = { workflowId, runId }
  return CancellationScope.nonCancellable(async () => {
    let renewed: EngineKey | null = null
    try {
      const answer = await control.leaseGpus({ nodeId, endpoint, replica, gpus: spec.gpus, owner })
      const granted = answer.outcome === 'granted' ? { ...key, fence: answer.fence, launch: 1 } : null
      if (granted !== null && keep(granted)) renewed = granted
      return renewed
    } finally {
      if (renewed === null) await control.giveBackLeases({ nodeId, endpoint, owner })
    }
  })
}
