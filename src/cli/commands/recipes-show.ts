import type { Cli } from '../cli.js'
import type { Report } from '../output/report.js'
import { recipeById } from '../recipe-files.js'

export async function recipesShow(cli: Cli, [id = '']: string[]): Promise<Report> {
  const { settings } = await cli.configuration()
  const { recipeYaml, surveyRecipes } = await import('../../worker/recipes.js')
  const { recipe, file } = recipeById(await surveyRecipes(settings), id)
  const from = file ?? 'the rule of docs/decisions/0007-derived-recipes.md'
  return {
    data: { ...recipe, file },
    names: [id],
    text: () => `# ${id}\n# ${recipe.origin}, from ${from}\n${recipeYaml(recipe)}`,
    notes: file === null ? [`to change it: save it as ${id}.yaml in a folder of AIM_RECIPES`] : [],
  }
}
