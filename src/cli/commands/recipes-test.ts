import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { problemNotes, recipeById } from '../recipe-files.js'

export type RecipesTestOptions = { all?: boolean }

type Row = { recipe: string; passed: boolean; found: string[]; untested: string[] }

const COLUMNS: Column<Row>[] = [
  { header: 'RECIPE', value: ({ recipe }) => recipe },
  {
    header: 'RESULT',
    value: ({ passed }) => (passed ? 'pass' : 'fail'),
    style: ({ passed }) => (passed ? 'green' : 'red'),
  },
  { header: 'FOUND', value: ({ found }) => found.join('; ') },
  { header: 'NOT TESTED', value: ({ untested }) => untested.join('; ') },
]

export async function recipesTest(cli: Cli, ids: string[], { all }: RecipesTestOptions): Promise<Report> {
  if ((all === true) === ids.length > 0) throw new AimError('InvalidInput', { field: 'IDS', rule: 'name recipes, or give --all' })
  const { settings } = await cli.configuration()
  const { surveyRecipes, tryRecipes } = await import('../../worker/recipes.js')
  const survey = await surveyRecipes(settings)
  const recipes = all === true ? survey.recipes : ids.map((id) => recipeById(survey, id).recipe)
  const trials = await tryRecipes(settings, recipes, survey)
  const failed = trials.filter(({ passed }) => !passed).length
  return listReport({
    items: trials,
    columns: COLUMNS,
    name: ({ recipe }) => recipe,
    empty: 'there is no recipe',
    notes: [
      `${trials.length - failed} pass, ${failed} fail`,
      'never tested here: that an engine starts with it, and how fast it is',
      ...(all === true ? problemNotes(survey.problems) : []),
    ],
    exit: failed > 0 || (all === true && survey.problems.length > 0) ? 1 : 0,
  })
}
