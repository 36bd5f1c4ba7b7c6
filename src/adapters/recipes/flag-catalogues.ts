import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AimError } from '../../contracts/errors.js'
import { FlagCatalogue } from '../../contracts/flag-catalogue.js'
import { validate } from '../../contracts/validate.js'
import { readText } from './read-text.js'

/** Ours have 50 kB. Bytes. */
const LARGEST = 2 * 1024 * 1024

/** The flag catalogues in `engines/` of each folder, a later folder over an earlier one. */
export async function readFlagCatalogues(
  folders: readonly string[],
  read: (file: string) => Promise<FlagCatalogue>,
): Promise<FlagCatalogue[]> {
  const found = new Map<string, FlagCatalogue>()
  for (const folder of folders) {
    for (const file of await filesOf(join(folder, 'engines'))) {
      const catalogue = await read(file)
      found.set(`${catalogue.backend} ${catalogue.version}`, catalogue)
    }
  }
  return [...found.values()]
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder)
    return names
      .filter((name) => name.endsWith('.json'))
      .toSorted()
      .map((name) => join(folder, name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** @throws AimError `RecipeInvalid` naming the file. */
export async function readFlagCatalogue(file: string): Promise<FlagCatalogue> {
  const read = await readText(file, LARGEST)
  if ('rule' in read) throw new AimError('RecipeInvalid', { file, field: 'file', rule: read.rule })
  try {
    return validate(FlagCatalogue, JSON.parse(read.text))
  } catch (error) {
    throw new AimError('RecipeInvalid', { file, field: 'file', rule: (error as Error).message }, { cause: error })
  }
}
