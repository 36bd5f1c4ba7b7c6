import { AimError } from '../contracts/errors.js'
import type { CatalogueEntry } from '../domain/catalogue.js'
import { factsFromCatalogue } from '../domain/catalogue.js'
import { DERIVED, deriveRecipes } from '../domain/derive-recipes.js'
import type { Card } from '../domain/hardware.js'
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

/**
 * A recipe by its id, be it written or derived. Its file is null when it is derived.
 * @throws AimError `NotFound`
 */
export function recipeById({ recipes, cards, models, problems }: SurveyedRecipes, id: string): { recipe: Recipe; file: string | null } {
  const written = recipes.find((recipe) => recipe.id === id)
  if (written !== undefined) {
    const { file, ...recipe } = written
    return { recipe, file }
  }
  const [org, name] = id.startsWith(DERIVED) ? id.slice(DERIVED.length).split('/') : []
  const facts = org === undefined || name === undefined ? null : factsFromCatalogue(`${org}/${name}`, models)
  const derived = facts === null ? undefined : deriveRecipes(facts, cards).find((recipe) => recipe.id === id)
  if (derived !== undefined) return { recipe: derived, file: null }
  const refused = problems.length === 0 ? '' : ` among those that are right (see \`aim recipes validate\`)`
  throw new AimError('NotFound', { what: `recipe ${id}${refused}` })
}
