import { WorkflowUpdateFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { ERRORS } from '../../contracts/errors.js'

/**
 * A workflow's refusal of an update, as a failure of the same code, and final: asked again it says the same. Anything else stays as it is; that
 * the workflow ended before it answered is no refusal.
 */
export function refusalOf(error: unknown): unknown {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined
  if (!(cause instanceof ApplicationFailure) || !Object.hasOwn(ERRORS, cause.type ?? '')) return error
  return ApplicationFailure.nonRetryable(cause.message, cause.type, ...(cause.details ?? []))
}
