import type { ModelFacts } from '../model.js'
import { gpusOf, parallelismProblem } from '../parallelism.js'
import type { Recipe } from '../recipe.js'
import type { Requirements } from '../requirements.js'
import { gpus, oneOf } from './text.js'
import type { Weights } from './weights.js'

/**
 * What a placement would give up of what was asked for, `kept` the share of it that remains (1 where there is no more or less of it), and the
 * reason that is told when it is not even a fallback: made when told.
 */
export type GivenUp = {
  what: 'context' | 'concurrency' | 'memory' | 'GPUs' | 'precision'
  kept: number
  words: () => string
  reason: () => string
}

/** Why a recipe is not taken. What only gives something up would run all the same, and may be a fallback. */
export type Objection = { reason: string } | GivenUp

export type RecipeCase = { recipe: Recipe; weights: Weights; model: ModelFacts; requirements: Requirements }
type Rule = (of: RecipeCase) => Objection | null

/** Rules that need no hardware to be told, in the order of their reasons. */
export const RECIPE_RULES: readonly Rule[] = [otherPrecision, otherWeights, remoteCode, otherCount, unevenParallelism, shape]

/** Why a recipe is none of those that were asked for: told before its weights are looked up. */
export function unwanted(recipe: Recipe, wanted: Requirements): string | null {
  if (wanted.recipe !== undefined && wanted.recipe !== recipe.id) return `recipe ${wanted.recipe} was asked for`
  if (wanted.backends !== undefined && !wanted.backends.includes(recipe.backend)) return `backend ${oneOf(wanted.backends)} was asked for`
  if (wanted.gpuCount !== undefined && countOf(recipe) > wanted.gpuCount) {
    return `takes ${gpus(countOf(recipe))}, ${wanted.gpuCount} were asked for`
  }
  if (recipe.hardware.kind === 'cpu') {
    if (wanted.hardware !== undefined) return `hardware ${oneOf(wanted.hardware)} was asked for, it runs on the CPU`
    if (wanted.gpuCount !== undefined) return `${gpus(wanted.gpuCount)} were asked for, it runs on the CPU`
    if (wanted.maxPricePerHour === undefined) return null
    return `at most ${wanted.maxPricePerHour} an hour was asked for, and the price table has no CPU`
  }
  const { cards } = recipe.hardware
  if (wanted.hardware?.some((card) => cards.includes(card)) === false) {
    return `hardware ${oneOf(wanted.hardware)} was asked for, it is for ${oneOf(cards)}`
  }
  return null
}

const countOf = ({ hardware }: Recipe): number => (hardware.kind === 'gpu' ? hardware.count : 0)

/** A recipe is for the weights as they are kept: what an engine converts while it loads is in its settings, not in its precision. */
function otherPrecision({ recipe, weights }: RecipeCase): Objection | null {
  const { variant } = weights
  if (recipe.precision === null || variant === null || recipe.precision === variant.precision) return null
  return { reason: `is written for ${recipe.precision} weights, ${variant.repo} holds ${variant.precision}` }
}

/** Without a list of precisions the repository that was named is meant, and each other one gives something up. */
function otherWeights({ recipe, weights: { repo, variant }, model, requirements: { precisions } }: RecipeCase): Objection | null {
  const precision = recipe.precision ?? variant?.precision
  if (precisions !== undefined) {
    if (precision !== undefined && precisions.includes(precision)) return null
    return {
      reason: `precision ${oneOf(precisions)} was asked for, the weights of ${repo} are ${precision ?? 'of a precision that is not known'}`,
    }
  }
  if (repo === model.repo) return null
  const named = model.variants.find((entry) => entry.repo === model.repo)?.precision
  const words = () => `${precision ?? 'other'} weights of ${repo} instead of ${model.repo}${named === undefined ? '' : ` (${named})`}`
  return { what: 'precision', kept: 1, words, reason: () => `has ${words()}` }
}

/** In the settings or as a flag of the backend: the repository's own code runs only by consent. */
function remoteCode({ recipe, weights, requirements }: RecipeCase): Objection | null {
  if (requirements.remoteCode.includes(weights.repo) || !runsRemoteCode(recipe)) return null
  return { reason: `runs the code of ${weights.repo} (trust-remote-code): AIM_ALLOW_REMOTE_CODE must name that repository` }
}

const REMOTE_CODE = 'trust-remote-code'

function runsRemoteCode({ settings, args }: Recipe): boolean {
  if (settings.trustRemoteCode === true) return true
  // By length first: every flag of every recipe comes by here.
  const isIt = (flag: string) => flag.length === REMOTE_CODE.length && flag.replaceAll('_', '-') === REMOTE_CODE
  return Object.keys(args).some((flag) => isIt(flag) && args[flag] !== false)
}

function otherCount({ recipe, requirements: { gpuCount } }: RecipeCase): Objection | null {
  const count = countOf(recipe)
  if (gpuCount === undefined || count === gpuCount) return null
  const words = () => `${gpus(count)} instead of ${gpuCount}`
  return { what: 'GPUs', kept: count / gpuCount, words, reason: () => `takes ${words()}` }
}

/** What a command of its own does with its GPUs is its own business. */
function unevenParallelism({ recipe }: RecipeCase): Objection | null {
  const { tensor, pipeline, data } = recipe.parallel
  const count = countOf(recipe)
  if (recipe.backend === 'custom' || count === 0 || gpusOf(recipe.parallel) === count) return null
  return { reason: `tensor ${tensor} x pipeline ${pipeline} x data ${data} parallel is not its ${gpus(count)}` }
}

function shape({ recipe, weights, model }: RecipeCase): Objection | null {
  if (model.shape === null || recipe.hardware.kind === 'cpu') return null
  const reason = parallelismProblem(model.shape, weights.variant?.block ?? null, recipe.parallel, recipe.backend)
  return reason === null ? null : { reason }
}
