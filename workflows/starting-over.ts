import { CancellationScope, continueAsNew, isCancellation, log, workflowInfo } from '@temporalio/workflow'
import type { Lock } from './operation.js'
import { rootMessage } from './steps.js'

/** Told as soon as a flow has its endpoint's lock. */
export type Took = (lock: Lock) => void

/**
 * A run that was reset by hand goes on from the history of the run before it, whose lock, leases and engine have ended with that run. So a
 * failure of it says nothing of what it was asked for: it starts over as a new run, which takes its own lock, and whose failure counts.
 */
export async function startingOver<T>(input: unknown, body: (took: Took) => Promise<T>): Promise<T> {
  let lockedBy: string | undefined
  try {
    return await body((lock) => {
      if (lock.outcome === 'begun') lockedBy = lock.run?.runId
    })
  } catch (error) {
    const isReset = lockedBy !== undefined && lockedBy !== workflowInfo().runId
    if (!isReset || isCancellation(error) || CancellationScope.current().consideredCancelled) throw error
    log.info('a run that was reset starts over', { lockedBy, error: rootMessage(error) })
    return continueAsNew<(request: unknown) => Promise<T>>(input)
  }
}
