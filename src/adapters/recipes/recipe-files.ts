import { readFile, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { parseDocument } from 'yaml'
import { AimError, isAimError } from '../../contracts/errors.js'
import { RecipeFile } from '../../contracts/recipe.js'
import { validate } from '../../contracts/validate.js'
import type { Recipe } from '../../domain/recipe.js'
import type { Recipes } from '../../ports/recipes.js'

/** A recipe, and the file that it was read from. */
export type RecipeOfFile = Recipe & { file: string }

/** Recipes from folders of YAML files; a later folder overrides the one before, by id. Read anew each time: files change. */
export function createRecipes(folders: string[]) {
  return {
    async all(): Promise<RecipeOfFile[]> {
      const found = new Map<string, RecipeOfFile>()
      for (const folder of folders) for (const recipe of await readFolder(folder)) found.set(recipe.id, recipe)
      return [...found.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    },
  } satisfies Recipes
}

async function readFolder(folder: string): Promise<RecipeOfFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.yaml')).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(files.map((file) => readRecipe(folder, file)))
}

async function readRecipe(folder: string, file: string): Promise<RecipeOfFile> {
  const document = parseDocument(await readFile(file, 'utf8'))
  const [syntax] = document.errors
  if (syntax !== undefined)
    throw new AimError('RecipeInvalid', { file: `${file}:${syntax.linePos?.[0].line ?? 1}`, field: 'YAML', rule: syntax.message })
  try {
    const { source: _, ...recipe } = validate(RecipeFile, document.toJS())
    const id = relative(folder, file)
      .split(sep)
      .join('/')
      .replace(/\.yaml$/, '')
    return { id, file, ...recipe } as RecipeOfFile
  } catch (error) {
    if (!isAimError(error)) throw error
    throw new AimError('RecipeInvalid', { file, field: error.details['field'] ?? '', rule: error.details['rule'] ?? '' }, { cause: error })
  }
}
