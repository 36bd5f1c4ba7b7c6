import { fileURLToPath } from 'node:url'
import { createRecipes } from '../src/adapters/recipes/create-recipes.js'
import { factsFromCatalogue } from '../src/domain/catalogue.js'
import type { ModelFacts } from '../src/domain/model.js'
import { makePlan, type PlanInput } from '../src/domain/selection/make-plan.js'
import { median, round, type Bench, type Figure } from './figure.js'
import { planInput, type Size } from './plan-inputs.js'

const RUNS = 60
const WARM_UP = 20
const BAR_MS = 20
const RECIPES = fileURLToPath(new URL('../../recipes', import.meta.url))

/** All recipes are for the model of the plan: the most that can be asked. And a site's whole library, of which a part is. */
const CASES: { name: string; size: Size }[] = [
  { name: 'plan of 1,000 recipes of one model x 200 nodes', size: { recipes: 1_000, nodes: 200, gpus: 8, share: 1 } },
  { name: 'plan of 1,000 recipes of many models x 200 nodes', size: { recipes: 1_000, nodes: 200, gpus: 8, share: 0.1 } },
]

/** A plan against a copy of its input by JSON. Each run has a model, inventory, recipes and requirements of its own, built before the clock starts. */
export const select: Bench = {
  name: 'select',
  about: 'a plan of 1,000 recipes x 200 nodes of 8 GPUs, against a JSON copy of its input',
  async run(note) {
    const tables = createRecipes({ ours: RECIPES, user: [] })
    const [hardware, catalogue] = [await tables.hardware(), await tables.models()]
    const models = catalogue.flatMap((entry) => factsFromCatalogue(entry.variants[0]?.repo ?? '', catalogue) ?? [])
    const figures: Figure[] = []
    for (const [place, { name, size }] of CASES.entries()) {
      const inputFor = (run: number): PlanInput => planInput(1_000 * place + run, modelOf(models, run), hardware, size)
      const plans: number[] = []
      const copies: number[] = []
      let candidates = 0
      for (let run = 0; run < WARM_UP + RUNS; run += 1) {
        const input = inputFor(run)
        // The plan first: the collector would have to move a copy that still lives while the plan runs.
        const planned = timed(() => makePlan(input))
        const copied = timed(() => JSON.parse(JSON.stringify(input)))
        if (run < WARM_UP) continue
        candidates += planned.value.candidates.length
        copies.push(copied.ms)
        plans.push(planned.ms)
      }
      const sorted = plans.toSorted((a, b) => a - b)
      note(`${name}: ${round(sorted[0] ?? 0)} to ${round(sorted.at(-1) ?? 0)} ms, ${round(candidates / RUNS)} candidates on average`)
      figures.push(figure(name, median(plans), median(copies)))
    }
    return figures
  },
}

function modelOf(models: ModelFacts[], run: number): ModelFacts {
  const model = models[run % models.length]
  if (model === undefined) throw new Error('the catalogue has no model')
  return model
}

function timed<T>(work: () => T): { value: T; ms: number } {
  const start = performance.now()
  const value = work()
  return { value, ms: performance.now() - start }
}

function figure(name: string, planMs: number, copyMs: number): Figure {
  const peer = { name: 'JSON copy of the input', value: round(copyMs) }
  return { name, value: round(planMs), unit: 'ms', peer, bar: `<= ${BAR_MS} ms`, holds: planMs <= BAR_MS }
}
