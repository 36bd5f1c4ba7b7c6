import { isAimError } from '../contracts/errors.js'
import type { FlagCatalogue } from '../contracts/flag-catalogue.js'
import type { EngineSpec } from '../domain/engine.js'
import type { Recipe } from '../domain/recipe.js'
import { settingOf } from './compose.js'
import type { Engine, EngineTools } from './engine.js'
import { findFlag, flagProblem, type FieldProblem } from './flag-problem.js'
import { ownValue } from './own-value.js'
import { sayEach } from './words.js'

/** What a recipe says of how its engine is started. */
export type Configuration = Pick<Recipe, 'backend' | 'format' | 'hardware' | 'parallel' | 'settings' | 'args' | 'env'> &
  Partial<Pick<Recipe, 'context' | 'command'>>

/** Paths stand for themselves: a command is rendered to see that it can be, not to be run. */
const TOOLS: EngineTools = { node: '/node', llamacppServer: '/llamacpp-server', vllm: '/vllm', sglang: '/sglang' }
const BIND = { host: '127.0.0.1', port: 8000 }

/**
 * The first thing in a recipe that its backend cannot be started with: a setting that it has no word for, a flag or value that its version
 * does not take, or a flag that a setting says. Null: it renders, and the parser of that version takes what it renders.
 * Without a catalogue, names and values of flags are not checked.
 */
export function configurationProblem(engine: Engine, configuration: Configuration, catalogue: FlagCatalogue | null): FieldProblem | null {
  return unrendered(engine, configuration) ?? (catalogue === null ? null : unknownTo(engine, configuration, catalogue))
}

/** One machine with all the GPUs: how many machines a group has does not change its settings. */
function specOf({ backend, format, hardware, parallel, settings, args, env, context, command }: Configuration): EngineSpec {
  return {
    backend,
    servedName: 'recipe',
    modelPath: '/model',
    ...(format === 'gguf' && { modelFile: 'model.gguf' }),
    gpus: hardware.kind === 'cpu' ? [] : Array.from({ length: hardware.count }, (_, index) => index),
    parallel,
    settings,
    args,
    env,
    ...(context !== undefined && { context }),
    ...(command !== undefined && { command }),
  }
}

function unrendered(engine: Engine, configuration: Configuration): FieldProblem | null {
  try {
    engine.command(specOf(configuration), TOOLS, BIND)
    return null
  } catch (error) {
    if (isAimError(error) && error.code === 'InvalidInput') return fieldProblem(error.details)
    throw error
  }
}

function fieldProblem({ field, rule }: Readonly<Record<string, unknown>>): FieldProblem {
  return { field: String(field), rule: String(rule) }
}

function unknownTo(engine: Engine, { settings, args, parallel }: Configuration, catalogue: FlagCatalogue): FieldProblem | null {
  for (const name of Object.keys(args)) {
    const flag = findFlag(catalogue, name)
    const canonical = flag?.key === null ? flag.flag.name : name
    const field = `args.${name}`
    const reserved = ownValue(engine.reserved, canonical)
    if (reserved !== undefined) return { field, rule: `is said by ${reserved}` }
    const setting = settingOf(engine.words, canonical)
    if (setting !== null) return { field, rule: `say it with settings.${setting}` }
  }
  for (const { setting, flags } of sayEach(engine.backend, engine.words, { settings, parallel })) {
    const problem = flagProblem(catalogue, flags)
    if (problem !== null) return { field: `settings.${setting}`, rule: problem.rule }
  }
  return flagProblem(catalogue, args)
}
