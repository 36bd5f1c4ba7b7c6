import { delimiter, join, resolve } from 'node:path'
import { compiledFile } from '../adapters/compiled.js'
import { createRecipes, type RecipeFiles, type RecipeFolders, type Survey } from '../adapters/recipes/create-recipes.js'
import type { Imported } from '../adapters/recipes/import/draft.js'
import { importFile } from '../adapters/recipes/import/import-file.js'
import { writeImported } from '../adapters/recipes/import/write-imported.js'
import { tryRecipe, type Trial } from '../adapters/recipes/try-recipe.js'
import { validatePaths, type Validation } from '../adapters/recipes/validate-paths.js'
import type { Settings } from '../config/settings.js'
import type { Recipe } from '../domain/recipe.js'
import type { RecipeProblem } from '../ports/recipes.js'

export { recipeYaml } from '../adapters/recipes/recipe-yaml.js'

type Configured = Pick<Settings, 'recipesDir'>

/** Our recipes, overridden by those in the user's folders: the last of AIM_RECIPES wins. */
export function recipesOf(settings: Configured): RecipeFiles {
  return createRecipes(foldersOf(settings))
}

function foldersOf({ recipesDir }: Configured): RecipeFolders {
  const user = (recipesDir ?? '').split(delimiter).filter((folder) => folder !== '')
  return { ours: compiledFile(join('..', '..', 'recipes')), user: user.map((folder) => resolve(folder)) }
}

/** All that can be known without a hub: what people wrote, cards, catalogue, and what is wrong with any file. */
export function surveyRecipes(settings: Configured): Promise<Survey> {
  return recipesOf(settings).survey()
}

/** The recipes that people wrote and that are right. */
export async function loadRecipes(settings: Configured): Promise<Recipe[]> {
  return (await surveyRecipes(settings)).recipes
}

export function validateRecipes(settings: Configured, paths: readonly string[]): Promise<Validation> {
  return validatePaths(foldersOf(settings), paths)
}

/** Tries recipes without a GPU. */
export async function tryRecipes(settings: Configured, recipes: readonly Recipe[], { cards, models }: Survey): Promise<Trial[]> {
  const catalogues = await recipesOf(settings).flagCatalogues()
  return recipes.map((recipe) => tryRecipe(recipe, { cards, models, catalogues }))
}

/** A foreign file as recipes. `file`: where it was written; null: nowhere, or one was there already. */
export type ImportedFile = { recipes: (Imported & { file: string | null })[]; problems: RecipeProblem[] }

/** Turns foreign files into recipes and, with `out`, writes them. A recipe that is refused stops no other. */
export async function importRecipes(settings: Configured, files: readonly string[], out: string | null): Promise<ImportedFile> {
  const recipes = recipesOf(settings)
  const [cards, catalogues] = await Promise.all([recipes.hardware(), recipes.flagCatalogues()])
  const imported = await Promise.all(files.map((file) => importFile(file, { cards, catalogues })))
  const written: ImportedFile['recipes'] = []
  for (const recipe of imported.flatMap((each) => each.recipes)) {
    written.push({ ...recipe, file: out === null ? null : await writeImported(out, recipe) })
  }
  return { recipes: written, problems: imported.flatMap(({ problems }) => problems) }
}
