import type { z } from 'zod'
import { AimError } from './errors.js'

/** Checks a value that crosses a boundary. Throws AimError `InvalidInput` naming the first broken field and its rule, the others behind it. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [first, ...others] = result.error.issues.map(describe)
  const also = others.map(({ field, rule }) => `; ${field}: ${rule}`).join('')
  throw new AimError('InvalidInput', { field: first?.field ?? 'input', rule: (first?.rule ?? 'is not valid') + also })
}

function describe(issue: z.core.$ZodIssue): { field: string; rule: string } {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const path = unknown === undefined ? issue.path : [...issue.path, unknown]
  return { field: path.join('.') || 'input', rule: unknown === undefined ? issue.message : 'is not a known field' }
}
