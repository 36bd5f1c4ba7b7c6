import { AimError } from '../contracts/errors.js'
import type { CatalogueEntry } from '../domain/catalogue.js'
import { factsFromCatalogue } from '../domain/catalogue.js'
import { deriveRecipes } from '../domain/derive-recipes.js'
import type { Card } from '../domain/hardware.js'
import { nearNames } from '../domain/near-names.js'
import type { Recipe } from '../domain/recipe.js'
import type { RecipeProblem } from '../ports/recipes.js'

/** Recipes as they are found without a hub. */
export type SurveyedRecipes = {
  recipes: (Recipe & { file: string })[]
  cards: Card[]
  models: CatalogueEntry[]
  problems: RecipeProblem[]
}

/** `file:line: field: rule` for each problem. */
export function problemNotes(problems: readonly RecipeProblem[]): string[] {
  return problems.map(({ file, line, field, rule }) => `refused: ${file}:${line}: ${field}: ${rule}`)
}

/** All recipes of the catalogue's models: those that people wrote, and the derived ones that no file replaces. */
export function allRecipes({ recipes, cards, models }: SurveyedRecipes): (Recipe & { file?: string })[] {
  const written = new Set(recipes.map(({ id }) => id))
  const derived = models.flatMap(({ variants }) => {
    const facts = factsFromCatalogue(variants[0]?.repo ?? '', models)
    return facts === null ? [] : deriveRecipes(facts, cards)
  })
  return [...recipes, ...derived.filter(({ id }) => !written.has(id))]
}

/**
 * A recipe by its id, be it written or derived. Its file is null when it is derived.
 * @throws AimError `InvalidInput` naming those that are near
 */
export function recipeById(survey: SurveyedRecipes, id: string): { recipe: Recipe; file: string | null } {
  const recipes = allRecipes(survey)
  const found = recipes.find((recipe) => recipe.id === id)
  if (found !== undefined) {
    const { file = null, ...recipe } = found
    return { recipe, file }
  }
  const near = nearNames(
    id,
    recipes.map((recipe) => recipe.id),
  )
  const rules = [
    `there is no recipe ${id}${survey.problems.length === 0 ? '' : ' among those that are right (see `aim recipes validate`)'}`,
    ...(near.length === 0 ? [] : [`the nearest are ${near.join(', ')}`]),
    'aim recipes list --all shows all',
  ]
  throw new AimError('InvalidInput', { field: 'recipe', rule: rules.join('; ') })
}
