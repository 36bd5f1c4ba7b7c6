import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { AimError, ERRORS } from '../../contracts/errors.js'

/**
 * A workflow's refusal of an update, as a failure of the same code, and final: asked again it says the same. Anything else stays as it is; that
 * the workflow ended before it answered is no refusal.
 */
export function refusalOf(error: unknown): unknown {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined
  if (!(cause instanceof ApplicationFailure) || !Object.hasOwn(ERRORS, cause.type ?? '')) return error
  return ApplicationFailure.nonRetryable(cause.message, cause.type, ...(cause.details ?? []))
}

/** The answer of a workflow to an update. @throws AimError `NotFound` naming `what`, when the workflow has ended or never was. */
export async function answerOf<T>(what: string, update: Promise<T>): Promise<T> {
  try {
    return await update
  } catch (error) {
    throw error instanceof WorkflowNotFoundError ? new AimError('NotFound', { what }, { cause: error }) : refusalOf(error)
  }
}

/** A workflow that has ended, or that nobody knows, holds nothing: there is nothing left to change. */
export async function unlessNotFound(update: Promise<unknown>): Promise<void> {
  try {
    await update
  } catch (error) {
    if (!(error instanceof AimError && error.code === 'NotFound')) throw error
  }
}
