import { join } from 'node:path'
import { compiledFile } from '../adapters/compiled.js'
import { createRecipes } from '../adapters/recipes/recipe-files.js'
import type { Settings } from '../config/settings.js'
import type { Recipe } from '../domain/recipe.js'

/** Our recipes, overridden by those in the user's folder. */
export function recipesOf({ recipesDir }: Pick<Settings, 'recipesDir'>) {
  const ours = compiledFile(join('..', '..', 'recipes'))
  return createRecipes(recipesDir === undefined ? [ours] : [ours, recipesDir])
}

/** The same as rows for people. */
export async function loadRecipes(settings: Pick<Settings, 'recipesDir'>) {
  const recipes = await recipesOf(settings).all()
  return recipes.map(({ id, model, backend, hardware, file }) => ({ id, model, backend, hardware: hardwareText(hardware), file }))
}

function hardwareText(hardware: Recipe['hardware']): string {
  return hardware.kind === 'cpu' ? 'cpu' : `${hardware.count}x ${hardware.arch.join(' or ')}`
}
