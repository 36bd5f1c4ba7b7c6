import { ApplicationFailure } from '@temporalio/common'
import { ERRORS, isAimError } from '../src/contracts/errors.js'

/**
 * Turns an expected failure into one that Temporal understands: its type is the code of the error table,
 * and it is retried only where the table says so. Anything else passes through and is retried as an unknown.
 */
function toFailure(error: unknown): unknown {
  if (!isAimError(error)) return error
  const seconds = error.code === 'HubRateLimited' ? Number(error.details['seconds']) : Number.NaN
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    nonRetryable: !ERRORS[error.code].retry,
    details: [error.details],
    cause: error,
    ...(Number.isFinite(seconds) && seconds > 0 && { nextRetryDelay: `${seconds} s` }),
  })
}

type Activity = (...args: never[]) => Promise<unknown>

/** The same activities, with every expected failure turned by `toFailure`. */
export function withFailures<T extends Record<string, Activity>>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, run]) => [name, translated(run)])
  return Object.fromEntries(wrapped) as T
}

function translated(run: Activity): Activity {
  return async (...args) => {
    try {
      return await run(...args)
    } catch (error) {
      throw toFailure(error)
    }
  }
}
