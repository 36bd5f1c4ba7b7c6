import { ERRORS, isAimError } from '../contracts/errors.js'
import { UsageError } from './errors.js'

/** Exit codes of every command; `aim help exit-codes` prints this table. */
export const EXIT_CODES = {
  0: 'done; also: --detach as asked, and Ctrl-C on up, worker, node and hub serve, which is how they are ended',
  1: 'failed; for status and doctor: something is not well',
  2: 'usage or bad input: nothing was started',
  3: 'no candidate fits: no node, recipe or backend can serve this',
  4: 'not allowed: the hub or a secret refuses',
  5: 'not found',
  8: 'still running: --timeout passed, or the endpoint that status looked at is on its way',
  130: 'interrupted: the work goes on; the message says how to come back or cancel',
} as const
export type ExitCode = keyof typeof EXIT_CODES

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return 2
  return isAimError(error) ? ERRORS[error.code].exit : 1
}
