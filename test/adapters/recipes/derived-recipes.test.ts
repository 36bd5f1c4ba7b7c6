import { expect, test } from 'vitest'
import { createRecipes } from '../../../src/adapters/recipes/create-recipes.js'
import { recipeYaml } from '../../../src/adapters/recipes/recipe-yaml.js'
import { RecipeId } from '../../../src/contracts/names.js'
import { RecipeFile } from '../../../src/contracts/recipe.js'
import { parse } from 'yaml'
import { factsFromCatalogue } from '../../../src/domain/catalogue.js'
import { deriveRecipes } from '../../../src/domain/derive-recipes.js'
import { configurationProblem, engines } from '../../../src/engines/index.js'

const ours = createRecipes({ ours: 'recipes', user: [] })
const [cards, models, catalogues] = await Promise.all([ours.hardware(), ours.models(), ours.flagCatalogues()])
const derived = models.flatMap(({ variants }) => {
  const facts = factsFromCatalogue(variants[0]!.repo, models)
  return facts === null ? [] : deriveRecipes(facts, cards)
})

test('every derived recipe of our catalogue is one that its backend can be started with', () => {
  expect(models.length).toBeGreaterThanOrEqual(13)
  const problems = derived.flatMap((recipe) => {
    const catalogue = catalogues.find(({ backend, version }) => backend === recipe.backend && version === recipe.version)
    expect(catalogue, `${recipe.backend} ${recipe.version}`).toBeDefined()
    const problem = configurationProblem(engines[recipe.backend], recipe, catalogue ?? null)
    return problem === null ? [] : [`${recipe.id}: ${problem.field}: ${problem.rule}`]
  })
  expect(problems).toEqual([])
})

test('covers the cards, numbers of GPUs, backends and objectives that people ask for', () => {
  const kinds = new Set(
    derived.map(
      ({ hardware, backend, objective }) =>
        `${hardware.kind === 'gpu' ? `${hardware.cards.join()} ${hardware.count}` : ''} ${backend} ${objective}`,
    ),
  )
  for (const card of ['MI210', 'MI250X', 'MI300X', 'MI325X', 'MI355X'])
    for (const count of [1, 2, 4, 8])
      for (const backend of ['vllm', 'sglang'])
        for (const objective of ['latency', 'throughput']) expect(kinds).toContain(`${card} ${count} ${backend} ${objective}`)
})

test('ids are unique in any case of letters, and each is one that a deploy takes', () => {
  expect(new Set(derived.map(({ id }) => id.toLowerCase())).size).toBe(derived.length)
  for (const { id } of derived) expect(RecipeId.safeParse(id).success, id).toBe(true)
})

test('printed as a file and read again, it is the same recipe', () => {
  for (const { id, origin: _, ...recipe } of derived.filter((_each, index) => index % 97 === 0)) {
    expect(RecipeFile.parse(parse(recipeYaml(recipe))), id).toEqual(recipe)
  }
})
