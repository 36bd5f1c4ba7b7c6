import type { EngineSpec } from '../domain/engine.js'
import { classify } from './classify.js'
import type { Bind, Engine } from './engine.js'
import { checkedExtras, invalid, visibleGpus, wordProblem } from './flags.js'
import { NO_WORDS, sayEach } from './words.js'

/** What a part of the command may stand for. */
const PLACEHOLDERS = ['model', 'host', 'port', 'name', 'context', 'gpus', 'tensor'] as const
type Placeholder = (typeof PLACEHOLDERS)[number]
const PLACEHOLDER = /\{([a-z_]+)\}/g

/**
 * Any program with an OpenAI-compatible address. The recipe gives the command as a list, no shell reads it; `{port}` and others are filled
 * in. It has no settings and no flags of ours: whatever it needs stands in the command.
 */
export const custom: Engine = {
  backend: 'custom',
  formats: ['safetensors', 'gguf'],
  words: NO_WORDS,
  reserved: {},
  // The one path that every OpenAI-compatible server has.
  endpoints: { ready: '/v1/models', alive: '/v1/models', aliveSeconds: 5, models: '/v1/models', metrics: null },
  metrics: null,
  command(spec, _tools, bind) {
    sayEach('custom', NO_WORDS, spec)
    const { args, env } = checkedExtras(spec)
    const [flag] = Object.keys(args)
    if (flag !== undefined) throw invalid(`args.${flag}`, 'a custom backend has no flags of its own: write it into the command')
    if (spec.group !== undefined) throw invalid('group', 'a custom backend runs on one machine')
    const template = checkTemplate(spec.command)
    const values = valuesOf(spec, bind)
    const [program = '', ...rest] = template.map((part) => fill(part, values))
    return { argv: [program, ...rest], env: { ...env, ...visibleGpus(spec) } }
  },
  classify: (end) => classify('custom', end),
  readMemory: () => null,
}

/**
 * The command of a recipe, when it can be filled in. Its program is an absolute path: what a search finds depends on who searches.
 * @throws AimError `InvalidInput`
 */
function checkTemplate(command: readonly string[] | undefined): readonly string[] {
  const field = 'command'
  const program = command?.[0]
  if (command === undefined || program === undefined) throw invalid(field, 'the custom backend needs one')
  if (!program.startsWith('/') || program.includes('{'))
    throw invalid(field, `must begin with the absolute path of a program, not "${program}"`)
  if (command.some((part) => part.includes('\0'))) throw invalid(field, 'must not contain a NUL character')
  for (const [at, word] of command.entries()) {
    const problem = wordProblem(word)
    if (problem !== null) throw invalid(`${field}.${at}`, problem)
  }
  const used = command.flatMap((part) => [...part.matchAll(PLACEHOLDER)].map(([, name]) => name))
  const unknown = used.find((name) => !PLACEHOLDERS.some((known) => known === name))
  if (unknown !== undefined)
    throw invalid(field, `{${unknown}} stands for nothing; there are ${PLACEHOLDERS.map((name) => `{${name}}`).join(', ')}`)
  if (!used.includes('port')) throw invalid(field, 'must say {port}: the launcher chooses it')
  return command
}

/** `{context}` has a value only when a context was asked for, and `{gpus}` only on GPUs. */
function valuesOf(spec: EngineSpec, { host, port }: Bind): Record<Placeholder, string | null> {
  return {
    model: spec.modelFile === undefined ? spec.modelPath : `${spec.modelPath}/${spec.modelFile}`,
    host,
    port: String(port),
    name: spec.servedName,
    context: spec.context === undefined ? null : String(spec.context),
    gpus: spec.gpus.length === 0 ? null : spec.gpus.join(','),
    tensor: String(spec.parallel.tensor),
  }
}

function fill(part: string, values: Record<Placeholder, string | null>): string {
  return part.replaceAll(PLACEHOLDER, (_, name: Placeholder) => {
    const value = values[name]
    if (value === null)
      throw invalid('command', `{${name}} has no value here: ${name === 'gpus' ? 'it runs on no GPU' : 'none was asked for'}`)
    return value
  })
}
