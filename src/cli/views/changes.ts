import type { DeploymentHistory } from '../../ports/records.js'

/** What of a deployment matters to a person who compares two, by its name on the screen. */
export type Facts = Record<string, string>

export type FactChange = { field: string; from: string | null; to: string | null }

/**
 * The facts of a deployment: what it came to, and where it came to nothing, what was asked for.
 * Records are data of another time and maybe another version: what is not there is left out.
 */
export function factsOf({ request, result, plan }: Pick<DeploymentHistory, 'request' | 'result' | 'plan'>): Facts {
  const asked = asObject(request)
  const became = asObject(result)
  const model = asObject(became['model'])
  const chosen = asObject(plan?.candidates.find(({ recipe, node }) => recipe === became['recipe'] && node === became['node']))
  const facts: Record<string, unknown> = {
    model: model['repo'] ?? asked['model'],
    commit: model['commit'] ?? asked['ref'],
    file: chosen['modelFile'] ?? asked['file'],
    recipe: became['recipe'] ?? asked['recipe'],
    backend: became['backend'] ?? asked['backend'],
    node: became['node'] ?? asked['node'],
    gpus: Array.isArray(chosen['gpus']) && chosen['gpus'].length > 0 ? chosen['gpus'].join(',') : undefined,
    precision: chosen['precision'],
    card: chosen['card'],
    context: chosen['context'] ?? asked['context'],
    port: asked['port'],
    ...prefixed('parallel', chosen['parallel']),
    ...prefixed('setting', chosen['settings']),
    ...prefixed('arg', chosen['args']),
    ...prefixed('env', chosen['env']),
  }
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([field, value]) => [field, String(value)]),
  )
}

export function changesBetween(from: Facts, to: Facts): FactChange[] {
  const fields = [...new Set([...Object.keys(from), ...Object.keys(to)])]
  return fields.filter((field) => from[field] !== to[field]).map((field) => ({ field, from: from[field] ?? null, to: to[field] ?? null }))
}

/** `recipe a -> b, context 2048 -> 8192`; commits are shortened. */
export function changeSummary(changes: FactChange[]): string {
  const short = (field: string, value: string | null): string => (field === 'commit' ? (value?.slice(0, 12) ?? '-') : (value ?? '-'))
  return changes.map(({ field, from, to }) => `${field} ${short(field, from)} -> ${short(field, to)}`).join(', ')
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function prefixed(prefix: string, value: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(asObject(value)).map(([name, each]) => [`${prefix} ${name}`, each]))
}
