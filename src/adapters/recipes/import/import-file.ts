import { basename } from 'node:path'
import { AimProfile, RecipeIdFile } from '../../../contracts/recipe-import.js'
import type { RecipeProblem } from '../../../ports/recipes.js'
import type { Known } from '../recipe-rules.js'
import { checkSchema } from '../schema-problems.js'
import { readYaml, type YamlSource } from '../yaml-source.js'
import { draftOfProfile, type Refusal } from './aim-profile.js'
import type { Draft, Imported } from './draft.js'
import { finish } from './finish.js'
import { draftsOfRecipeId } from './recipe-id-file.js'

/** Recipes of a foreign file, or what is wrong with it. */
export async function importFile(file: string, known: Known): Promise<{ recipes: Imported[]; problems: RecipeProblem[] }> {
  const source = await readYaml(file)
  if (Array.isArray(source)) return { recipes: [], problems: source }
  const read = readDrafts(source)
  if ('problems' in read) return { recipes: [], problems: read.problems }
  if (read.drafts.length === 0) return { recipes: [], problems: [source.problemAt([], 'enables no number of GPUs: nothing to import')] }
  const done = read.drafts.map((draft) =>
    'rule' in draft ? { problems: [source.problemAt(draft.path, draft.rule)] } : finish(draft, source, known),
  )
  return {
    recipes: done.flatMap((each) => ('recipe' in each ? [each] : [])),
    problems: done.flatMap((each) => ('problems' in each ? each.problems : [])),
  }
}

function readDrafts(source: YamlSource): { drafts: (Draft | Refusal)[] } | { problems: RecipeProblem[] } {
  const { value, file } = source
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (keys.includes('recipe_id')) {
    const checked = checkSchema(RecipeIdFile, source)
    return 'problems' in checked ? checked : { drafts: draftsOfRecipeId(checked.data) }
  }
  if (keys.includes('metadata')) {
    const checked = checkSchema(AimProfile, source)
    return 'problems' in checked ? checked : { drafts: [draftOfProfile(checked.data, basename(file).replace(/\.ya?ml$/, ''))] }
  }
  return { problems: [source.problemAt([], 'is neither an AIM profile (metadata) nor a recipe_id file')] }
}
