import { CatalogueFile, type CatalogueModel } from '../../contracts/catalogue-file.js'
import { cardsOf, HardwareFile } from '../../contracts/hardware-file.js'
import type { Card } from '../../domain/hardware.js'
import type { RecipeProblem } from '../../ports/recipes.js'
import { checkSchema } from './schema-problems.js'
import { readYaml } from './yaml-source.js'

/** Something read from files, and all that is wrong with them. */
export type Found<T> = { found: T; problems: RecipeProblem[] }

/** The cards of one `hardware.yaml`. */
export async function readHardware(file: string): Promise<Found<Card[]>> {
  const source = await readYaml(file)
  const checked = Array.isArray(source) ? { problems: source } : checkSchema(HardwareFile, source)
  return 'problems' in checked ? { found: [], problems: checked.problems } : { found: cardsOf(checked.data), problems: [] }
}

/** The model of one file of `models/`; none when something is wrong with it. */
export async function readModel(file: string): Promise<Found<CatalogueModel[]>> {
  const source = await readYaml(file)
  const checked = Array.isArray(source) ? { problems: source } : checkSchema(CatalogueFile, source)
  return 'problems' in checked ? { found: [], problems: checked.problems } : { found: [checked.data], problems: [] }
}
