import { AimError } from '../contracts/errors.js'
import type { EngineSpec } from '../domain/engine.js'

export type FlagValue = string | number | boolean

/** The launcher alone decides these. */
const OURS = ['host', 'port', 'model', 'served-model-name']
/** A secret on a command line is readable by every user of the node. */
const SECRET_FLAG = /(^|-)(api-key|token|password|secret)$/
const SECRET_VARIABLE = /(TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY|CREDENTIALS?)$/

/**
 * Renders flags by their full name, in the order given: `true` is a bare switch, `false` is left out. A value that begins with a
 * dash is joined with `=`, or a parser would read it as a flag.
 */
export function renderFlags(flags: Readonly<Record<string, FlagValue>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (typeof value === 'boolean') return value ? [`--${name}`] : []
    const text = String(value)
    return text.startsWith('-') ? [`--${name}=${text}`] : [`--${name}`, text]
  })
}

/**
 * The flags and variables that a recipe adds, checked and in order of name, so that one spec always gives one command.
 * @throws AimError `InvalidInput` naming the flag or variable.
 */
export function checkedExtras(spec: Pick<EngineSpec, 'args' | 'env'>): { args: Record<string, FlagValue>; env: Record<string, string> } {
  return { args: sorted(spec.args, checkFlag), env: sorted(spec.env, checkVariable) }
}

function sorted<T>(record: Readonly<Record<string, T>>, check: (name: string, value: T) => void): Record<string, T> {
  const entries = Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (const [name, value] of entries) check(name, value)
  return Object.fromEntries(entries)
}

function checkFlag(name: string, value: FlagValue): void {
  const field = `args.${name}`
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw invalid(field, 'must be the full name of a flag, without dashes before it')
  if (OURS.includes(name)) throw invalid(field, 'is set by the launcher')
  if (SECRET_FLAG.test(name)) throw invalid(field, 'would put a secret on a command line')
  if (String(value).includes('\0')) throw invalid(field, 'must not contain a NUL character')
}

function checkVariable(name: string, value: string): void {
  const field = `env.${name}`
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw invalid(field, 'must be the name of an environment variable')
  if (name.startsWith('AIM_ENGINE_')) throw invalid(field, 'is set by the launcher')
  if (SECRET_VARIABLE.test(name)) throw invalid(field, 'would write a secret into the history')
  if (value.includes('\0')) throw invalid(field, 'must not contain a NUL character')
}

function invalid(field: string, rule: string): AimError {
  return new AimError('InvalidInput', { field, rule })
}
