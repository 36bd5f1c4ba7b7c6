import type { z } from 'zod'
import { AimError } from '../contracts/errors.js'

/** Checks what was typed before anything is asked of the cluster. Throws InvalidInput with the flag as the field. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  typed: Record<string, unknown>,
  flagOf: Record<string, string>,
): z.output<Schema> {
  const result = schema.safeParse(Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined)))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = String(issue?.path[0] ?? '')
  throw new AimError('InvalidInput', { field: flagOf[field] ?? field, rule: issue?.message ?? 'is not valid' })
}
