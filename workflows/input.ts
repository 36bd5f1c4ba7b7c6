import { ApplicationFailure } from '@temporalio/workflow'
import type { z } from 'zod'
import { isAimError } from '../src/contracts/errors.js'
import { validate } from '../src/contracts/validate.js'

/** Checks a workflow's one input first of all. Bad input fails as `InvalidInput` with field and rule, is never retried, and nothing was done. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  try {
    return validate(schema, input)
  } catch (error) {
    if (!isAimError(error)) throw error
    throw failure(error.code, error.message, error.details)
  }
}

/** An expected end of a workflow, in the terms of the error table. */
export function failure(type: string, message: string, details: unknown): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true, details: [details] })
}
