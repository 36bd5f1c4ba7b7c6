import {
  ApplicationFailure,
  CancelledFailure,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  isGrpcServiceError,
} from '@temporalio/client'
import { AimError, ERRORS, isAimError, type ErrorCode, type ErrorDetails } from '../contracts/errors.js'

/** Turns what Temporal's client throws into an error of the table: the cause at the bottom of the wrapping, not the wrapping. */
export function toAimError(error: unknown, what: string): AimError {
  if (isAimError(error)) return error
  if (error instanceof WorkflowNotFoundError) return new AimError('NotFound', { what }, { cause: error })
  if (error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError) return fromCause(error, what)
  if (error instanceof ServiceError || isGrpcServiceError(error))
    return new AimError('TemporalUnreachable', { address: reason(error) }, { cause: error })
  return new AimError('Internal', { reason: reason(error) }, { cause: error })
}

function fromCause(error: Error, what: string): AimError {
  const root = rootOf(error)
  if (root instanceof CancelledFailure) return new AimError('Cancelled', { what }, { cause: error })
  if (root instanceof ApplicationFailure && isCode(root.type))
    return new AimError(root.type, (root.details?.[0] ?? {}) as ErrorDetails, { cause: error })
  return new AimError('Internal', { reason: root.message }, { cause: error })
}

/** The first application failure on the way down, or the last thing there is. */
function rootOf(error: Error): Error {
  if (error instanceof ApplicationFailure && isCode(error.type)) return error
  return error.cause instanceof Error ? rootOf(error.cause) : error
}

function isCode(type: string | null | undefined): type is ErrorCode {
  return typeof type === 'string' && type in ERRORS
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && cause.message !== '') return cause.message
  return error instanceof Error ? error.message : String(error)
}
