import { resolve } from 'node:path'
import type { Cli } from '../cli.js'
import type { Report } from '../output/report.js'
import { problemNotes } from '../recipe-files.js'

export type RecipesImportOptions = { out?: string }

export async function recipesImport(cli: Cli, files: string[], { out }: RecipesImportOptions): Promise<Report> {
  const { settings } = await cli.configuration()
  const { importRecipes, recipeYaml } = await import('../../worker/recipes.js')
  const { recipes, problems } = await importRecipes(
    settings,
    files.map((file) => resolve(file)),
    out === undefined ? null : resolve(out),
  )
  const kept = recipes.filter(({ file }) => out !== undefined && file === null)
  return {
    data: { recipes, problems },
    names: recipes.map(({ id }) => id),
    text: () =>
      out === undefined
        ? recipes.map(({ id, recipe }) => `# ${id}\n${recipeYaml(recipe)}`).join('---\n')
        : recipes.flatMap(({ file }) => (file === null ? [] : [`${file}\n`])).join(''),
    notes: [
      ...recipes.flatMap(({ remarks }) => remarks.map(({ file, line, field, rule }) => `${file}:${line}: ${field}: ${rule}`)),
      ...kept.map(({ id }) => `left alone: ${id}.yaml is there already`),
      ...problemNotes(problems),
      `${recipes.length - kept.length} recipes, ${problems.length} problems`,
    ],
    exit: problems.length > 0 || kept.length > 0 ? 2 : 0,
  }
}
