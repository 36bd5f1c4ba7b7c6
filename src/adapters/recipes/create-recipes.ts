import type { CatalogueModel } from '../../contracts/catalogue-file.js'
import { AimError } from '../../contracts/errors.js'
import type { FlagCatalogue } from '../../contracts/flag-catalogue.js'
import type { Card } from '../../domain/hardware.js'
import type { RecipeProblem, Recipes } from '../../ports/recipes.js'
import { readFlagCatalogue, readFlagCatalogues } from './flag-catalogues.js'
import { idOf, listFolder, type FolderFiles } from './folder.js'
import { readHardware, readModel, type Found } from './read-tables.js'
import { checkRecipe, readRecipeFile, sameButForCase, type RecipeOfFile, type SchemaChecked } from './read-recipes.js'
import type { Known } from './recipe-rules.js'
import { makeIfChanged, readIfChanged } from './unchanged.js'

/** Ours first, then the user's: a later folder overrides an earlier one. */
export type RecipeFolders = { ours: string; user: string[] }

type Origin = 'ours' | 'user'
type Folder = { path: string; origin: Origin; files: FolderFiles; problems: RecipeProblem[] }
type RecipeFile = { folder: string; origin: Origin; file: string; content: SchemaChecked }
type Unchecked = { files: RecipeFile[]; known: Known }

export type Survey = { recipes: RecipeOfFile[]; cards: Card[]; models: CatalogueModel[]; problems: RecipeProblem[] }

/** Beside the port: all problems at once, for people who write recipes. */
export interface RecipeFiles extends Recipes {
  all(): Promise<RecipeOfFile[]>
  /** Everything that is right, and what is wrong with the rest. */
  survey(): Promise<Survey>
  flagCatalogues(): Promise<FlagCatalogue[]>
}

/** Recipes, hardware table and model catalogue from folders of YAML files; a recipe overrides that of its id, a card that of its name. */
export function createRecipes({ ours, user }: RecipeFolders): RecipeFiles {
  const paths = [ours, ...user]
  const read = {
    recipe: readIfChanged(readRecipeFile),
    cards: readIfChanged(readHardware),
    model: readIfChanged(readModel),
    flags: readIfChanged(readFlagCatalogue),
  }
  // To check them costs ten times what it costs to see that none has changed.
  const checked = makeIfChanged(checkAll, partsOf)
  const list = (): Promise<Folder[]> =>
    Promise.all(paths.map(async (path, index) => ({ path, origin: index === 0 ? 'ours' : 'user', ...(await listFolder(path)) }) as const))
  const flagCatalogues = (): Promise<FlagCatalogue[]> => readFlagCatalogues(paths, read.flags)
  const survey: RecipeFiles['survey'] = async () => {
    const folders = await list()
    const [cards, models, catalogues] = await Promise.all([allCards(folders, read.cards), allModels(folders, read.model), flagCatalogues()])
    const recipes = checked({ files: await filesOf(folders, read.recipe), known: { cards: cards.found, catalogues } })
    const missing = folders.flatMap(({ problems }) => problems)
    const problems = [...missing, ...cards.problems, ...models.problems, ...recipes.problems]
    return { recipes: recipes.found, cards: cards.found, models: models.found, problems }
  }
  return {
    flagCatalogues,
    survey,
    async all() {
      const { recipes, problems } = await survey()
      return orRefuse({ found: recipes, problems })
    },
    async hardware() {
      return orRefuse(await allCards(await list(), read.cards))
    },
    async models() {
      return orRefuse(await allModels(await list(), read.model))
    },
  }
}

/** @throws AimError `RecipeInvalid` with the first problem. */
function orRefuse<T>({ found, problems }: Found<T>): T {
  const [first] = problems
  if (first === undefined) return found
  throw new AimError('RecipeInvalid', { file: `${first.file}:${first.line}`, field: first.field, rule: first.rule })
}

async function filesOf(folders: Folder[], read: (file: string) => Promise<SchemaChecked>): Promise<RecipeFile[]> {
  const files = folders.flatMap(({ path: folder, origin, files: { recipes } }) => recipes.map((file) => ({ folder, origin, file })))
  return Promise.all(files.map(async (file) => ({ ...file, content: await read(file.file) })))
}

function checkAll({ files, known }: Unchecked): Found<RecipeOfFile[]> {
  const checked = files.map(({ content, ...file }) => checkRecipe(content, { ...file, known }))
  const recipes = checked.flatMap((each) => ('recipe' in each ? [each.recipe] : []))
  const byId = new Map(recipes.map((recipe) => [recipe.id, recipe]))
  return {
    found: [...byId.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    problems: [...checked.flatMap((each) => ('problems' in each ? each.problems : [])), ...sameButForCase(recipes)],
  }
}

function partsOf({ files, known: { cards, catalogues } }: Unchecked): unknown[] {
  return [...cards, ...catalogues, ...files.flatMap(({ folder, origin, file, content }) => [folder, origin, file, content])]
}

async function allCards(folders: Folder[], read: (file: string) => Promise<Found<Card[]>>): Promise<Found<Card[]>> {
  const tables = await Promise.all(folders.flatMap(({ files }) => (files.hardware === null ? [] : [read(files.hardware)])))
  const byName = new Map(tables.flatMap(({ found }) => found.map((card) => [card.name, card] as const)))
  return { found: [...byName.values()], problems: tables.flatMap(({ problems }) => problems) }
}

/** The user's first: the first model that has a repository is the one that counts. */
async function allModels(folders: Folder[], read: (file: string) => Promise<Found<CatalogueModel[]>>): Promise<Found<CatalogueModel[]>> {
  const byName = new Map<string, string>()
  for (const { path, files } of folders.toReversed()) {
    for (const file of files.models) byName.set(idOf(path, file), byName.get(idOf(path, file)) ?? file)
  }
  const models = await Promise.all([...byName.values()].map(read))
  return { found: models.flatMap(({ found }) => found), problems: models.flatMap(({ problems }) => problems) }
}
