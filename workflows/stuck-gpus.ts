import { CancellationScope, log } from '@temporalio/workflow'
import type { StuckGpu } from '../src/domain/lease.js'
import { control } from './activities.js'
import { rootMessage } from './steps.js'

/** GPUs that nobody is to be given. What cannot be quarantined is told, and stops nothing. */
export async function keepAway(nodeId: string, gpus: readonly StuckGpu[]): Promise<void> {
  for (const { gpu, why } of gpus) {
    try {
      await CancellationScope.nonCancellable(() => control.quarantineGpu({ nodeId, gpu, reason: why.slice(0, 500) }))
    } catch (error) {
      log.error('a GPU that should be quarantined is not', { node: nodeId, gpu, error: rootMessage(error) })
    }
  }
}
