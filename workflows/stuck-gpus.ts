import { isCancellation, log } from '@temporalio/workflow'
import type { StuckGpu } from '../src/domain/lease.js'
import { control } from './activities.js'
import { rootMessage } from './steps.js'

/** Keeps GPUs away from everybody whose memory did not come back after a stop. Before their lease is given up, so that nobody gets them in between. */
export async function keepStuckAway(nodeId: string, { stuck }: { stuck: StuckGpu[] }): Promise<void> {
  for (const { gpu, why, freeBytes } of stuck) {
    try {
      await control.quarantineGpu({ nodeId, gpu, reason: why.slice(0, 500), freeBytes })
    } catch (error) {
      if (isCancellation(error)) throw error
      log.error('a GPU that should be quarantined is not', { node: nodeId, gpu, error: rootMessage(error) })
    }
  }
}
