import { AimError } from '../contracts/errors.js'
import type { EngineSpec } from '../domain/engine.js'
import { variableProblem } from './environment.js'

/** A name, and after dots the keys of a structure that it takes: `compilation-config.pass_config.fuse_rope_kvcache`. */
const FLAG = /^[a-z0-9][a-z0-9-]*(?:\.[A-Za-z0-9_-]+)*$/

export type FlagValue = string | number | boolean

/** The launcher alone decides these. A file of flags would go round every check. */
const OURS = ['host', 'port', 'model', 'model-path', 'model-tag', 'served-model-name', 'config']
/** The policy alone decides this, wherever it is hidden. */
const TRUST = /trust[-_]remote[-_]code/i
/** A secret on a command line is readable by every user of the node. */
const SECRET_FLAG = /(^|-)(api-key|token|password|secret)$/

/** Flags that make an engine run code, or load another model than the one that was planned and verified. */
const LOADERS = [
  'middleware',
  'logits-processors',
  'worker-cls',
  'worker-extension-cls',
  'scheduler-cls',
  'tool-parser-plugin',
  'reasoning-parser-plugin',
  'io-processor-plugin',
  'custom-weight-loader',
  'model-impl',
  'model-class-overrides',
  'hf-overrides',
  'hf-config-path',
  'json-model-override-args',
  'tokenizer',
  'tokenizer-path',
  'tokenizer-revision',
  'revision',
  'code-revision',
  'lora-modules',
  'lora-paths',
  'allowed-local-media-path',
  'allowed-media-domains',
  'download-dir',
]
/** Parsers of Python take any beginning of a flag for the flag itself: a beginning of one of these is refused like it. */
const GUARDED = [...OURS, ...LOADERS, 'trust-remote-code', 'api-key', 'admin-api-key', 'ssl-keyfile-password']

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

/** Only the GPUs that were granted: no recipe says them. */
export function visibleGpus({ gpus }: Pick<EngineSpec, 'gpus'>): Record<string, string> {
  return gpus.length > 0 ? { HIP_VISIBLE_DEVICES: gpus.join(',') } : {}
}

/**
 * The flags and variables that a recipe adds, checked and in order of name, so that one spec always gives one command.
 * @throws AimError `InvalidInput` naming the flag or variable.
 */
export function checkedExtras({ backend, args, env }: Pick<EngineSpec, 'backend' | 'args' | 'env'>): {
  args: Record<string, FlagValue>
  env: Record<string, string>
} {
  return {
    args: sorted(args, checkFlag),
    env: sorted(env, (name, value) => {
      const rule = variableProblem(backend, name, value)
      if (rule !== null) throw invalid(`env.${name}`, rule)
    }),
  }
}

function sorted<T>(record: Readonly<Record<string, T>>, check: (name: string, value: T) => void): Record<string, T> {
  const entries = Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (const [name, value] of entries) check(name, value)
  return Object.fromEntries(entries)
}

/** @throws AimError `InvalidInput` for a flag that is nobody's to give. */
function checkFlag(name: string, value: FlagValue): void {
  const field = `args.${name}`
  if (!FLAG.test(name)) throw invalid(field, 'must be the full name of a flag, without dashes before it')
  if (OURS.includes(name)) throw invalid(field, 'is set by the launcher')
  if (TRUST.test(name) || TRUST.test(String(value))) throw invalid(field, 'is for the policy to allow: say `settings.trustRemoteCode`')
  if (SECRET_FLAG.test(name)) throw invalid(field, 'would put a secret on a command line')
  if (LOADERS.includes(name.split('.')[0] ?? name)) throw invalid(field, 'would load what nobody planned or consented to')
  const meant = GUARDED.find((guarded) => guarded.startsWith(name) && guarded !== name)
  if (meant !== undefined) throw invalid(field, `is a beginning of ${meant}, which is no recipe's to say`)
  if (String(value).includes('\0')) throw invalid(field, 'must not contain a NUL character')
}

/** A word of a command that a person wrote whole: consent and secrets hold for it too. Null: nothing is wrong with it. */
export function wordProblem(word: string): string | null {
  if (TRUST.test(word)) return 'runs the code of a repository: no custom command may'
  return SECRET_FLAG.test(word.replace(/^-+/, '').replace(/=.*$/s, '')) ? 'would put a secret on a command line' : null
}

/** A field that cannot be served, and the rule that it breaks. */
export function invalid(field: string, rule: string): AimError {
  return new AimError('InvalidInput', { field, rule })
}
