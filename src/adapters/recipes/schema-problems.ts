import type { z } from 'zod'
import type { RecipeProblem } from '../../ports/recipes.js'
import type { YamlSource } from './yaml-source.js'

/** Checks a file by its schema. All that breaks a rule is told, each at its own line. */
export function checkSchema<Schema extends z.ZodType>(
  schema: Schema,
  source: YamlSource,
): { data: z.output<Schema> } | { problems: RecipeProblem[] } {
  const result = schema.safeParse(source.value, { reportInput: true })
  if (result.success) return { data: result.data }
  return { problems: result.error.issues.flatMap((issue) => problemsOf(issue, source)) }
}

function problemsOf(issue: z.core.$ZodIssue, source: YamlSource): RecipeProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => source.problemAt([...issue.path, key], 'is not a known field'))
  if (issue.code === 'invalid_key') return [source.problemAt(issue.path, issue.issues[0]?.message ?? issue.message)]
  // The first form of several is the usual one: its rule says what is expected.
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const rule = issue.errors[0]?.[0]?.message ?? issue.message
    return [source.problemAt(issue.path, issue.input === undefined ? 'is required' : rule)]
  }
  return [source.problemAt(issue.path, issue.input === undefined ? 'is required' : issue.message)]
}
