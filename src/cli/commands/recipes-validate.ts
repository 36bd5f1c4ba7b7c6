import type { RecipeProblem } from '../../ports/recipes.js'
import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'

const COLUMNS: Column<RecipeProblem>[] = [
  { header: 'FILE', value: ({ file, line }) => `${file}:${line}` },
  { header: 'FIELD', value: ({ field }) => field },
  { header: 'RULE', value: ({ rule }) => rule },
]

export async function recipesValidate(cli: Cli, paths: string[]): Promise<Report> {
  const { settings } = await cli.configuration()
  const { validateRecipes } = await import('../../worker/recipes.js')
  const { files, problems } = await validateRecipes(settings, paths)
  const wrong = new Set(problems.map(({ file }) => file)).size
  return listReport({
    items: problems,
    columns: COLUMNS,
    name: ({ file, line }) => `${file}:${line}`,
    empty: files === 0 ? 'there is no recipe file' : `${files} files are right`,
    notes: wrong === 0 ? [] : [`${wrong} of ${files} files are not right`],
    exit: problems.length > 0 ? 2 : 0,
  })
}
