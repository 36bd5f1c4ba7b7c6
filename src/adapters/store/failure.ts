import { AimError, isAimError } from '../../contracts/errors.js'

/**
 * What went wrong as `StoreFailed`, in the driver's own words, without the address's secrets. An AimError passes as it is.
 * drizzle wraps the driver's error into one whose message holds every parameter: the innermost says what matters.
 */
export function storeFailure(error: unknown, secrets: string[]): AimError {
  if (isAimError(error)) return error
  const innermost = rootOf(error)
  const words = [innermost.message, codeOf(innermost)].filter((part) => part !== '' && part !== undefined)
  const reason = words.join(' ')
  return new AimError('StoreFailed', { reason: redact(reason === '' ? innermost.name : reason, secrets) })
}

/** Each secret replaced, longest first, so that a password never survives as a part of its URL. */
export function redact(text: string, secrets: string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
}

function rootOf(error: unknown): Error {
  const found = error instanceof Error ? error : new Error(String(error))
  if (found.cause instanceof Error) return rootOf(found.cause)
  // A host with several addresses: an error for each, and no message of its own.
  return found instanceof AggregateError && found.errors[0] instanceof Error ? found.errors[0] : found
}

function codeOf(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' && !error.message.includes(code) ? `(${code})` : undefined
}
