import { stat } from 'node:fs/promises'
import { basename, dirname, resolve, sep } from 'node:path'
import { AimError } from '../../contracts/errors.js'
import type { RecipeProblem } from '../../ports/recipes.js'
import { createRecipes, type RecipeFolders } from './create-recipes.js'
import { listFolder } from './folder.js'
import { checkRecipe, readRecipeFile } from './read-recipes.js'
import { readHardware, readModel } from './read-tables.js'

export type Validation = { files: number; problems: RecipeProblem[] }

/**
 * Checks files and folders as if they came last on the search path; none: the search path itself.
 * @throws AimError `InvalidInput` for a path that is not there.
 */
export async function validatePaths(folders: RecipeFolders, paths: readonly string[]): Promise<Validation> {
  const checked = await Promise.all(
    paths.length === 0
      ? [folders.ours, ...folders.user].map((folder) => validateFolder(folders, folder))
      : paths.map((path) => validatePath(folders, resolve(path))),
  )
  return { files: checked.reduce((sum, { files }) => sum + files, 0), problems: checked.flatMap(({ problems }) => problems) }
}

async function validatePath(folders: RecipeFolders, path: string): Promise<Validation> {
  const found = await stat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    throw new AimError('InvalidInput', { field: 'PATH', rule: `${path} cannot be read: ${code}` }, { cause: error })
  })
  return found.isDirectory() ? validateFolder(folders, path) : validateFile(folders, path)
}

async function validateFolder({ ours, user }: RecipeFolders, folder: string): Promise<Validation> {
  const known = [ours, ...user].includes(folder)
  const { problems } = await createRecipes({ ours, user: known ? user : [...user, folder] }).survey()
  const { files } = await listFolder(folder)
  return {
    files: files.recipes.length + files.models.length + (files.hardware === null ? 0 : 1),
    problems: problems.filter(({ file }) => file === folder || file.startsWith(`${folder}${sep}`)),
  }
}

/** A file is what its place says: `hardware.yaml`, below `models/`, or else a recipe. */
async function validateFile(folders: RecipeFolders, file: string): Promise<Validation> {
  if (basename(file) === 'hardware.yaml') return { files: 1, problems: (await readHardware(file)).problems }
  if (file.split(sep).includes('models')) return { files: 1, problems: (await readModel(file)).problems }
  const recipes = createRecipes(folders)
  // What is wrong elsewhere on the search path is told when that is asked for.
  const [{ cards }, catalogues, checked] = await Promise.all([recipes.survey(), recipes.flagCatalogues(), readRecipeFile(file)])
  const result = checkRecipe(checked, { folder: dirname(file), file, origin: 'user', known: { cards, catalogues } })
  return { files: 1, problems: 'problems' in result ? result.problems : [] }
}
