import { isCancellation, condition, log, sleep } from '@temporalio/workflow'
import { strayOnNode } from './activities.js'
import type { NodeOwner } from './node-owner.js'
import { rootMessage } from './steps.js'

const BACKOFF_MS = { first: 1_000, most: 60_000 }

/**
 * Whenever a lease is freed, the node ends what still runs under it: within a second while it answers, else as the first thing at its return.
 * What is kept is said as it was when this was asked: what is granted later has a higher fence, and a lease that was freed never comes back.
 */
export async function endStrays(owner: NodeOwner): Promise<never> {
  const { state, nodeId } = owner
  for (let failures = 0; ;) {
    await condition(() => state.unswept && state.presence === 'ready')
    state.unswept = false
    try {
      const { stuck } = await strayOnNode(nodeId).endStrays(owner.kept)
      owner.keepAway(stuck)
      failures = 0
    } catch (error) {
      if (isCancellation(error)) throw error
      state.unswept = true
      log.warn('a node has not ended what has no lease there', { node: nodeId, error: rootMessage(error) })
      await sleep(Math.min(BACKOFF_MS.first * 2 ** failures, BACKOFF_MS.most))
      failures += 1
    }
  }
}
