import { AimError } from '../contracts/errors.js'
import type { EngineSpec } from '../domain/engine.js'

/** A name, and after dots the keys of a structure that it takes: `compilation-config.pass_config.fuse_rope_kvcache`. */
const FLAG = /^[a-z0-9][a-z0-9-]*(?:\.[A-Za-z0-9_-]+)*$/

export type FlagValue = string | number | boolean

/** The launcher alone decides these. A file of flags would go round every check. */
const OURS = ['host', 'port', 'model', 'model-path', 'model-tag', 'served-model-name', 'config']
/** The policy alone decides this, wherever it is hidden. */
const TRUST = /trust[-_]remote[-_]code/i
/** The lease alone decides which GPUs are used; with two of these set, frameworks disagree on which one counts. */
const OTHER_DEVICES = ['CUDA_VISIBLE_DEVICES', 'ROCR_VISIBLE_DEVICES', 'GPU_DEVICE_ORDINAL']
/** A secret on a command line is readable by every user of the node. */
const SECRET_FLAG = /(^|-)(api-key|token|password|secret)$/
const SECRET_VARIABLE = /(TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY|CREDENTIALS?)$/

/**
 * Renders flags by their full name, in the order given: `true` is a bare switch, `false` is left out. A value that begins with a
 * dash is joined with `=`, or a parser would read it as a flag; so is that of a key inside a structure (`a.b`), which is never a switch.
 */
export function renderFlags(flags: Readonly<Record<string, FlagValue>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (name.includes('.')) return [`--${name}=${value}`]
    if (typeof value === 'boolean') return value ? [`--${name}`] : []
    const text = String(value)
    return text.startsWith('-') ? [`--${name}=${text}`] : [`--${name}`, text]
  })
}

/** Only the GPUs that were granted, whatever a recipe says. Goes over its variables. */
export function visibleGpus({ gpus }: Pick<EngineSpec, 'gpus'>): Record<string, string> {
  return gpus.length > 0 ? { HIP_VISIBLE_DEVICES: gpus.join(',') } : {}
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
  if (!FLAG.test(name)) throw invalid(field, 'must be the full name of a flag, without dashes before it')
  if (OURS.includes(name)) throw invalid(field, 'is set by the launcher')
  if (TRUST.test(name) || TRUST.test(String(value))) throw invalid(field, 'is for the policy to allow: say `settings.trustRemoteCode`')
  if (SECRET_FLAG.test(name)) throw invalid(field, 'would put a secret on a command line')
  if (String(value).includes('\0')) throw invalid(field, 'must not contain a NUL character')
}

function checkVariable(name: string, value: string): void {
  const field = `env.${name}`
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw invalid(field, 'must be the name of an environment variable')
  if (OTHER_DEVICES.includes(name)) throw invalid(field, 'is for the lease to say: HIP_VISIBLE_DEVICES is set by the launcher')
  if (name.startsWith('AIM_ENGINE_')) throw invalid(field, 'is set by the launcher')
  if (SECRET_VARIABLE.test(name)) throw invalid(field, 'would write a secret into the history')
  if (value.includes('\0')) throw invalid(field, 'must not contain a NUL character')
}

/** A field that cannot be served, and the rule that it breaks. */
export function invalid(field: string, rule: string): AimError {
  return new AimError('InvalidInput', { field, rule })
}
