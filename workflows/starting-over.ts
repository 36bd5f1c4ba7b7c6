import { CancellationScope, continueAsNew, log, workflowInfo } from '@temporalio/workflow'
import type { Lock } from './operation.js'
import { rootFailure } from './record.js'

/** What it comes to that the lock, a lease under it, the endpoint itself or the engine that was started is gone; the last, when that cost two tries. */
const LOST = ['OperationInProgress', 'LeaseFenced', 'NotFound', 'EngineExited', 'FallbackExhausted']

/** Told as soon as a flow has its endpoint's lock. */
export type Took = (lock: Lock) => void

/**
 * A run that was reset by hand goes on from the history of the run before it, whose lock, leases and engine have ended with that run. Where this
 * keeps it from its end, it starts over as a new run, which takes its own.
 */
export async function startingOver<T>(input: unknown, body: (took: Took) => Promise<T>): Promise<T> {
  let lockedBy: string | undefined
  try {
    return await body((lock) => {
      if (lock.outcome === 'begun') lockedBy = lock.run?.runId
    })
  } catch (error) {
    const { type, message } = rootFailure(error)
    const isReset = lockedBy !== undefined && lockedBy !== workflowInfo().runId
    if (!isReset || !LOST.includes(type) || CancellationScope.current().consideredCancelled) throw error
    log.info('a run that was reset starts over', { lockedBy, error: message })
    return continueAsNew<(request: unknown) => Promise<T>>(input)
  }
}
