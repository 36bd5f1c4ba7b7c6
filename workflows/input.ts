import { ApplicationFailure } from '@temporalio/workflow'
import { z } from 'zod'
import { isAimError } from '../src/contracts/errors.js'
import { validate } from '../src/contracts/validate.js'

// Each run of a workflow has a world of its own: compiling a parser for the one input there costs more than it saves.
z.config({ jitless: true })

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
