import { InvalidArgumentError } from 'commander'
import { BACKENDS, type Backend } from '../../domain/engine.js'
import { PRECISIONS, type Precision } from '../../domain/hardware.js'
import { OBJECTIVES, type Objective } from '../../domain/recipe.js'
import type { OptionSpec } from '../cli.js'

/** What narrows the choice of a recipe, as commander gives it: the same for a plan and a deploy. */
export type RequirementOptions = {
  ref?: string
  file?: string
  backend?: Backend
  recipe?: string
  node?: string
  context?: number
  concurrency?: number
  objective?: Objective
  precision?: Precision[]
  hardware?: string[]
  gpus?: number
  label?: Record<string, string>
  maxPrice?: number
}

export const REQUIREMENT_OPTIONS: OptionSpec[] = [
  { flags: '--ref <ref>', about: 'branch, tag or commit (default: main)' },
  { flags: '--file <path>', about: 'weights file, where a repository holds several (GGUF)' },
  { flags: '--context <tokens>', about: 'longest context of one request', parse: asInteger },
  { flags: '--concurrency <requests>', about: 'requests of that context at the same time', parse: asInteger },
  { flags: '--objective <objective>', about: 'what it is to be best at (default: balanced)', choices: OBJECTIVES },
  {
    flags: '--precision <list>',
    about: `allowed: ${PRECISIONS.join(', ')} (default: that of the repository)`,
    complete: PRECISIONS,
    parse: asPrecisions,
  },
  { flags: '--backend <backend>', about: 'engine to use (default: what fits best)', choices: BACKENDS },
  { flags: '--hardware <list>', about: 'allowed cards: MI300X,MI325X', parse: asList },
  { flags: '--gpus <count>', about: 'exactly this many GPUs', parse: asInteger },
  { flags: '--recipe <id>', about: 'recipe to use; `aim recipes list` shows them', complete: 'recipe' },
  { flags: '--node <node>', about: 'node to run on', complete: 'node' },
  { flags: '--label <name=value>', about: 'label that the node must carry (AIM_NODE_LABELS there); may be repeated', parse: asLabels },
  { flags: '--max-price <amount>', about: 'most that all its GPUs may cost in an hour (needs AIM_PRICES)', parse: asAmount },
]

/** The fields of a request that the options stand for. */
export function requirementFields(options: RequirementOptions) {
  const { ref, file, backend, recipe, node, context, concurrency, objective, precision, hardware, gpus, label, maxPrice } = options
  return {
    ref,
    file,
    backend,
    recipe,
    node,
    context,
    concurrency,
    objective,
    precisions: precision,
    hardware,
    gpus,
    labels: label,
    maxPricePerHour: maxPrice,
  }
}

export function asInteger(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

function asAmount(text: string): number {
  if (!/^\d{1,9}(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be an amount: 24 or 24.50.')
  return Number(text)
}

function asList(text: string): string[] {
  const words = text.split(',').map((word) => word.trim())
  if (words.includes('')) throw new InvalidArgumentError('It must be names separated by commas.')
  return words
}

function asPrecisions(text: string): Precision[] {
  return asList(text).map((word) => {
    const known = PRECISIONS.find((precision) => precision === word)
    if (known === undefined) throw new InvalidArgumentError(`It must be of ${PRECISIONS.join(', ')}.`)
    return known
  })
}

export function asLabels(text: string, before?: unknown): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be name=value.')
  return { ...(before as Record<string, string> | undefined), [text.slice(0, at)]: text.slice(at + 1) }
}
