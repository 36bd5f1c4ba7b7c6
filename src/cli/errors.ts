import type { CommanderError } from 'commander'
import { isAimError, type ErrorDetails } from '../contracts/errors.js'
import { visible } from './output/sanitize.js'
import type { Paint } from './output/style.js'

/** A failure as it is shown: the same facts for people and for programs. */
export type ShownError = { code: string; message: string; details: ErrorDetails; fix: string; cause?: string }

/** A command line that does not parse. `command` is what to ask for help. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  constructor(
    error: CommanderError,
    readonly command: string,
  ) {
    super(error.message, { cause: error })
  }
}

function shownError(error: unknown): ShownError {
  if (error instanceof UsageError) return usage(error)
  if (isAimError(error)) {
    const { code, message, details, fix } = error
    return { code, message, details, fix, ...causeOf(error) }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'Internal', message, details: {}, fix: 'run again with AIM_DEBUG=1 and report it', ...causeOf(error) }
}

/** `error[CODE]: what`, the evidence, `fix: <command>`. With `verbose` all details, causes and the stack. */
export function errorText(error: unknown, paint: Paint, verbose = false): string {
  const { code, message, details, fix, cause } = shownError(error)
  const evidence = Object.entries(details)
    .filter(([, value]) => verbose || (value !== null && !`${message} ${fix}`.includes(String(value))))
    .map(([name, value]) => `  ${name}: ${visible(String(value))}`)
  const lines = [
    `${paint('red', `error[${code}]`)}: ${visible(message, 'lines')}`,
    ...evidence,
    ...(verbose && cause !== undefined ? [visible(cause, 'lines').replaceAll(/^/gm, '  ')] : []),
    `${paint('cyan', 'fix')}: ${visible(fix)}`,
  ]
  return `${lines.join('\n')}\n`
}

export function errorJson(error: unknown, verbose = false): string {
  const { cause, ...shown } = shownError(error)
  return `${JSON.stringify({ error: verbose ? { ...shown, cause } : shown })}\n`
}

/** Commander says `error: what\n(Did you mean this?)`. */
function usage(error: UsageError): ShownError {
  const [what = '', ...more] = error.message.split('\n')
  const hint = more.join(' ').replaceAll(/[()]/g, '').trim()
  return {
    code: 'InvalidInput',
    message: what.replace(/^error: /, ''),
    details: hint === '' ? {} : { hint },
    fix: `${error.command} --help`,
  }
}

function causeOf(error: unknown): { cause?: string } {
  const stacks: string[] = []
  for (let at = error; at instanceof Error && stacks.length < 5; at = at.cause) stacks.push(at.stack ?? String(at))
  return stacks.length > 0 ? { cause: stacks.join('\ncaused by: ') } : {}
}
