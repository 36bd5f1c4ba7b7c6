import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'

type Row = { id: string; model: string; backend: string; hardware: string; file: string }

const COLUMNS: Column<Row>[] = [
  { header: 'RECIPE', value: ({ id }) => id },
  { header: 'MODEL', value: ({ model }) => (model === '*' ? 'any' : model), flexible: true },
  { header: 'BACKEND', value: ({ backend }) => backend },
  { header: 'HARDWARE', value: ({ hardware }) => hardware, flexible: true },
  { header: 'FILE', value: ({ file }) => file, wide: true },
]

export async function recipesList(cli: Cli, [model]: string[]): Promise<Report> {
  const { settings } = await cli.configuration()
  const { loadRecipes } = await import('../../worker/recipes.js')
  const recipes: Row[] = await loadRecipes(settings)
  const items = recipes.filter((recipe) => model === undefined || recipe.model === model || recipe.model === '*')
  if (recipes.length === 0) throw new AimError('NotFound', { what: 'any recipe' })
  return listReport({ items, columns: COLUMNS, name: ({ id }) => id, empty: `no recipe is for ${model}` })
}
