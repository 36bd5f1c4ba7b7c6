import type { Recipe } from '../domain/recipe.js'

/** The recipes that a plan may choose from. Throws AimError `RecipeInvalid` naming file and field. */
export interface Recipes {
  all(): Promise<Recipe[]>
}
