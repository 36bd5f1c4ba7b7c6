import { ActivityFailure, ApplicationFailure, CancellationScope, TimeoutFailure, isCancellation, log } from '@temporalio/workflow'
import type { ErrorDetails } from '../src/contracts/errors.js'
import type { Failed } from '../src/contracts/fallback.js'
import type { AttemptRecord, DeploymentRecord } from '../src/contracts/records.js'
import { control } from './activities.js'
import { rootMessage } from './steps.js'

/** How a flow ended well, as it is kept in the history. */
export type Ending<Result> = { state: DeploymentRecord['state']; revision: number | null; result: Result }
export type Attempt = Omit<AttemptRecord, 'workflowId' | 'runId'>

/** Keeps in the history how a flow ended, whichever way it did, and every attempt that it made. Keeping it changes nothing of the end. */
export async function recorded<Result>(body: (attempts: Attempt[]) => Promise<Ending<Result>>): Promise<Result> {
  const attempts: Attempt[] = []
  try {
    const ending = await body(attempts)
    await keep({ ...ending, error: null, attempts })
    return ending.result
  } catch (error) {
    const { type, message, details } = rootFailure(error)
    await keep({
      state: isCancellation(error) ? 'cancelled' : 'failed',
      revision: null,
      result: null,
      error: { code: type, message },
      attempts,
    })
    throw isCancellation(error)
      ? error
      : ApplicationFailure.create({ type, message, nonRetryable: true, details: [details], cause: error as Error })
  }
}

async function keep(end: Parameters<typeof control.recordEnd>[0]): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() => control.recordEnd(end))
  } catch (error) {
    log.error('the end of this flow is not in the history', { state: end.state, error: rootMessage(error) })
  }
}

/** A try's failure: its class, or else the code; what the engine said it can hold, in tokens; the end of its log. */
export function whyItFailed(error: unknown): { failure: string; maxContext?: number; logTail: string[] } {
  if (isSilence(error)) return { failure: 'NodeLost', logTail: [] }
  const { type, details } = rootFailure(error)
  const { failure, maxContext, logTail } = details
  // A class that says nothing goes behind the code, which does.
  const known = typeof failure === 'string' && failure !== 'unknown' ? failure : type === 'EngineExited' ? 'unknown' : type
  return {
    failure: known,
    ...(typeof maxContext === 'number' && { maxContext }),
    logTail: String(logTail ?? '').split('\n'),
  }
}

/** Nobody took it up on its node, or whoever did is gone. */
const isSilence = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof TimeoutFailure && error.cause.timeoutType !== 'START_TO_CLOSE'

/** The failure at the bottom of Temporal's wrapping: its code of the error table, and the facts. */
export function rootFailure(error: unknown): Failed {
  if (error instanceof Error && error.cause instanceof Error && !(error instanceof ApplicationFailure)) return rootFailure(error.cause)
  if (isCancellation(error)) return { type: 'Cancelled', message: rootMessage(error), details: {} }
  if (!(error instanceof ApplicationFailure)) {
    const reason = rootMessage(error)
    return { type: 'Internal', message: reason, details: { reason } }
  }
  return { type: error.type ?? 'Internal', message: error.message, details: (error.details?.[0] ?? {}) as ErrorDetails }
}
