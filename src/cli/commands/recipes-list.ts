import { factsFromCatalogue } from '../../domain/catalogue.js'
import { recipesFor } from '../../domain/derive-recipes.js'
import type { Recipe } from '../../domain/recipe.js'
import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { allRecipes, problemNotes, type SurveyedRecipes } from '../recipe-files.js'

export type RecipesListOptions = { all?: boolean }

type Row = {
  id: string
  origin: string
  model: string
  precision: string | null
  backend: string
  hardware: string
  objective: string | null
  file: string | null
}

const COLUMNS: Column<Row>[] = [
  { header: 'RECIPE', value: ({ id }) => id },
  { header: 'ORIGIN', value: ({ origin }) => origin },
  { header: 'MODEL', value: ({ model }) => (model === '*' ? 'any' : model), flexible: true },
  { header: 'PRECISION', value: ({ precision }) => precision },
  { header: 'BACKEND', value: ({ backend }) => backend },
  { header: 'HARDWARE', value: ({ hardware }) => hardware, flexible: true },
  { header: 'OBJECTIVE', value: ({ objective }) => objective, wide: true },
  { header: 'FILE', value: ({ file }) => file, wide: true },
]

export async function recipesList(cli: Cli, [model]: string[], { all }: RecipesListOptions): Promise<Report> {
  const { settings } = await cli.configuration()
  const { surveyRecipes } = await import('../../worker/recipes.js')
  const survey = await surveyRecipes(settings)
  const recipes = model === undefined ? allRecipes(survey) : ofModel(survey, model)
  const shown = recipes.filter(({ origin }) => all === true || origin !== 'derived')
  const hidden = recipes.length - shown.length
  return listReport({
    items: shown.map(rowOf),
    columns: COLUMNS,
    name: ({ id }) => id,
    empty: model === undefined ? 'there is no recipe' : `no recipe is for ${model}`,
    notes: [
      ...(hidden === 0 ? [] : [`${hidden} derived recipes are not shown: --all`]),
      ...(model !== undefined && factsFromCatalogue(model, survey.models) === null
        ? [`${model} is not in the catalogue: aim plan ${model} derives recipes from its config.json`]
        : []),
      ...problemNotes(survey.problems),
    ],
  })
}

function ofModel({ recipes, cards, models }: SurveyedRecipes, model: string): Recipe[] {
  const facts = factsFromCatalogue(model, models)
  if (facts !== null) return recipesFor(facts, recipes, cards)
  return recipes.filter(({ model: name }) => name === '*' || name.toLowerCase() === model.toLowerCase())
}

function rowOf(recipe: Recipe & { file?: string }): Row {
  const { id, origin, model, precision, backend, hardware, objective, file = null } = recipe
  const where = hardware.kind === 'cpu' ? 'cpu' : `${hardware.count}x ${hardware.cards.join(' or ')}`
  return { id, origin, model, precision, backend, hardware: where, objective, file }
}
