import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { RecipeId } from '../../../contracts/names.js'
import { validate } from '../../../contracts/validate.js'
import type { Imported } from './draft.js'
import { recipeYaml } from '../recipe-yaml.js'

/** Writes a recipe below a folder, by its id. Returns the file, or null when there is one already: it is left alone. */
export async function writeImported(folder: string, { id, recipe }: Imported): Promise<string | null> {
  const file = join(folder, `${validate(RecipeId, id)}.yaml`)
  await mkdir(dirname(file), { recursive: true })
  try {
    await writeFile(file, recipeYaml(recipe), { flag: 'wx' })
    return file
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null
    throw error
  }
}
