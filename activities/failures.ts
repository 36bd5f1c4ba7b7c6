import { activityInfo } from '@temporalio/activity'
import { ApplicationFailure, TemporalFailure } from '@temporalio/common'
import { AimError, ERRORS, isAimError } from '../src/contracts/errors.js'

/**
 * Turns an expected failure into one that Temporal understands: its type is the code of the error table,
 * and it is retried only where the table says so, and not for ever. What speaks Temporal's terms already, a cancellation above all, passes through.
 */
function toFailure(error: unknown, mostTries: number): unknown {
  if (error instanceof TemporalFailure || (error instanceof Error && error.name === 'AbortError')) return error
  if (!isAimError(error))
    return toFailure(
      new AimError('Internal', { reason: error instanceof Error ? error.message : String(error) }, { cause: error }),
      mostTries,
    )
  const seconds = error.code === 'HubRateLimited' ? Number(error.details['seconds']) : Number.NaN
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !ERRORS[error.code].retry || activityInfo().attempt >= mostTries,
    details: [error.details],
    cause: error,
    ...(Number.isFinite(seconds) && seconds > 0 && { nextRetryDelay: `${seconds} s` }),
  })
}

/** Tries of one activity after which a passing fault counts as lasting. */
const MOST_TRIES = 10

type Activity = (...args: never[]) => Promise<unknown>

/** The same activities, with every expected failure turned by `toFailure`. */
export function withFailures<T extends Record<string, Activity>>(activities: T, mostTries = MOST_TRIES): T {
  const wrapped = Object.entries(activities).map(([name, run]) => [name, translated(run, mostTries)])
  return Object.fromEntries(wrapped) as T
}

function translated(run: Activity, mostTries: number): Activity {
  return async (...args) => {
    try {
      return await run(...args)
    } catch (error) {
      throw toFailure(error, mostTries)
    }
  }
}
