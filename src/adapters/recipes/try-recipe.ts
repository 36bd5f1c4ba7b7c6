import type { FlagCatalogue } from '../../contracts/flag-catalogue.js'
import { factsFromCatalogue, type CatalogueEntry } from '../../domain/catalogue.js'
import type { Card } from '../../domain/hardware.js'
import { fitMemory } from '../../domain/memory/fit-memory.js'
import { fitProblem } from '../../domain/memory/fit-problem.js'
import { parallelismProblem } from '../../domain/parallelism.js'
import type { Recipe } from '../../domain/recipe.js'
import { configurationProblem, engines } from '../../engines/index.js'

export type TrialKnown = { cards: readonly Card[]; models: readonly CatalogueEntry[]; catalogues: readonly FlagCatalogue[] }

/** What a recipe does without a GPU. `untested`: what could not be looked at, and why. */
export type Trial = { recipe: string; passed: boolean; found: string[]; untested: string[] }

/** Renders a recipe's command, checks it by the catalogue of its backend, spreads its model over the GPUs and fits it into their memory. */
export function tryRecipe(recipe: Recipe, { cards, models, catalogues }: TrialKnown): Trial {
  const { backend, version } = recipe
  const catalogue = catalogues.find((each) => each.backend === backend && each.version === version) ?? null
  const problem = configurationProblem(engines[backend], recipe, catalogue)
  const unchecked = catalogue === null && backend !== 'custom' && backend !== 'llamacpp'
  const placed = place(recipe, cards, models)
  const failed = [...(problem === null ? [] : [`${problem.field}: ${problem.rule}`]), ...placed.failed]
  return {
    recipe: recipe.id,
    passed: failed.length === 0,
    found: failed.length > 0 ? failed : placed.found,
    untested: [...(unchecked ? ['flags: it names no version of its backend'] : []), ...placed.untested],
  }
}

type Placed = { failed: string[]; found: string[]; untested: string[] }

function place(recipe: Recipe, cards: readonly Card[], models: readonly CatalogueEntry[]): Placed {
  const untested = (why: string): Placed => ({ failed: [], found: [], untested: [`memory: ${why}`] })
  const { model, backend, parallel, hardware, settings, context } = recipe
  if (hardware.kind === 'cpu') return untested('it runs on the processor')
  if (backend !== 'vllm' && backend !== 'sglang') return untested(`the rules of ${backend} are not known`)
  if (model === '*') return untested('it names no model')
  const facts = factsFromCatalogue(model, models)
  const variant = facts?.variants[0]
  if (facts === null || facts.shape === null || variant === undefined) return untested(`${model} is not in the catalogue`)
  const { shape } = facts
  const spread = parallelismProblem(shape, variant.block, parallel, backend)
  if (spread !== null) return { failed: [`parallel: ${spread}`], found: [], untested: [] }
  const fits = hardware.cards.flatMap((name) => {
    const card = cards.find((each) => each.name === name)
    if (card === undefined) return []
    const fit = fitMemory({
      shape,
      variant,
      backend,
      parallel,
      settings,
      gpuTotalBytes: card.vramBytes,
      ...(context !== undefined && { context }),
    })
    return [{ name, fit, problem: fitProblem(fit) }]
  })
  return {
    failed: fits.flatMap(({ name, problem }) => (problem === null ? [] : [`${name}: ${problem}`])),
    found: fits.map(({ name, fit }) => `${name}: ${fit.context} tokens, ${fit.maxConcurrency} at a time`),
    untested: [],
  }
}
