import type { CatalogueModel } from '../contracts/catalogue-file.js'
import type { Card } from '../domain/hardware.js'
import type { Recipe } from '../domain/recipe.js'

/** What is wrong with a file of recipes, and where. */
export type RecipeProblem = { file: string; line: number; field: string; rule: string }

/**
 * What a plan may choose from: our files, overridden by the user's. Read anew each time: files change. Each throws AimError `RecipeInvalid`
 * naming file, line, field and rule: a plan made of the rest would not be the one that was asked for.
 */
export interface Recipes {
  /** Recipes that people wrote, by id. Derived ones are made from the model: see `recipesFor`. */
  all(): Promise<Recipe[]>
  /** The hardware table. */
  hardware(): Promise<Card[]>
  /** The model catalogue, the user's first. */
  models(): Promise<CatalogueModel[]>
}
