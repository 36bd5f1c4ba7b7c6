import type { z } from 'zod'
import { RecipeFile } from '../../contracts/recipe.js'
import { RecipeId } from '../../contracts/names.js'
import type { Recipe, RecipeOrigin } from '../../domain/recipe.js'
import type { RecipeProblem } from '../../ports/recipes.js'
import { idOf } from './folder.js'
import { brokenRules, type Known } from './recipe-rules.js'
import { checkSchema } from './schema-problems.js'
import { readYaml, type YamlSource } from './yaml-source.js'

/** Of one file: each is found by rendering the command without the one before it. */
const MOST_PROBLEMS = 20

/** A recipe, and the file that it was read from. */
export type RecipeOfFile = Recipe & { file: string }

type Asked = { folder: string; file: string; origin: 'ours' | 'user'; known: Known }
/** What the schema makes of a file. It does not depend on any other file. */
export type SchemaChecked = { source: YamlSource; data: z.output<typeof RecipeFile> } | { problems: RecipeProblem[] }

/** Reads one recipe and checks it by its schema. */
export async function readRecipeFile(file: string): Promise<SchemaChecked> {
  const source = await readYaml(file)
  if (Array.isArray(source)) return { problems: source }
  const checked = checkSchema(RecipeFile, source)
  return 'problems' in checked ? checked : { source, data: checked.data }
}

/** Checks what the schema cannot: the recipe, or all that is wrong with it. */
export function checkRecipe(
  checked: SchemaChecked,
  { folder, file, origin, known }: Asked,
): { recipe: RecipeOfFile } | { problems: RecipeProblem[] } {
  if ('problems' in checked) return checked
  const { source } = checked
  const { untuned, ...data } = checked.data
  const id = idOf(folder, file)
  const problems = brokenRules(checked.data, known, MOST_PROBLEMS).map(({ path, rule }) => source.problemAt(path, rule))
  const idRule = RecipeId.safeParse(id).error?.issues[0]?.message
  if (idRule !== undefined) problems.push({ file, line: 1, field: 'id', rule: `${id} ${idRule}` })
  return problems.length > 0 ? { problems } : { recipe: { id, origin: originOf(id, origin, untuned === true), file, ...data } }
}

function originOf(id: string, origin: Asked['origin'], untuned: boolean): RecipeOrigin {
  if (origin === 'user') return 'user'
  if (untuned) return 'untuned'
  return id.startsWith('any/') ? 'generic' : 'published'
}

/** Two files whose ids differ only by the case of letters would be one file elsewhere. */
export function sameButForCase(recipes: readonly RecipeOfFile[]): RecipeProblem[] {
  const seen = new Map<string, RecipeOfFile>()
  return recipes.flatMap((recipe) => {
    const first = seen.get(recipe.id.toLowerCase())
    seen.set(recipe.id.toLowerCase(), first ?? recipe)
    if (first === undefined || first.id === recipe.id) return []
    return [{ file: recipe.file, line: 1, field: 'id', rule: `${recipe.id} differs only by case from ${first.id} (${first.file})` }]
  })
}
