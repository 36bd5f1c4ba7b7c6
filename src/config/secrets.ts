import { readFile } from 'node:fs/promises'
import { AimError } from '../contracts/errors.js'

/**
 * Reads a secret by reference: `env:NAME` or `file:/path`. An unset variable is null, because most hubs need no token;
 * a file that was named and cannot be read is an error.
 */
export async function readSecret(reference: string, env: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const [kind, rest] = [reference.slice(0, reference.indexOf(':')), reference.slice(reference.indexOf(':') + 1)]
  if (kind === 'env') return env[rest]?.trim() || null
  try {
    return (await readFile(rest, 'utf8')).trim()
  } catch (error) {
    throw new AimError('SecretMissing', { reference, reason: (error as NodeJS.ErrnoException).code ?? 'unreadable' }, { cause: error })
  }
}

/** The same for a secret that must be there. @throws AimError `SecretMissing`. */
export async function requireSecret(reference: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const secret = await readSecret(reference, env)
  if (secret === null || secret === '') throw new AimError('SecretMissing', { reference, reason: 'it is empty or not set' })
  return secret
}
