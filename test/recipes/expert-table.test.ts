import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createRecipes } from '../../src/adapters/recipes/create-recipes.js'
import { factsFromCatalogue } from '../../src/domain/catalogue.js'
import { recipesFor } from '../../src/domain/derive-recipes.js'
import { makePlan } from '../../src/domain/selection/make-plan.js'
import { aGpu } from '../support/gpus.js'
import { aNode } from '../support/nodes.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const table = readFileSync(`${ROOT}docs/decisions/0008-expert-table.md`, 'utf8')

/** `| `org/name`, 8x MI300X | published | `our/first/choice` ... | argued |` */
const rows = [...table.matchAll(/^\| `([^`]+)`, (?:(\d)x )?(MI\w+) \|[^|]*\| `([^`]+)`[^|]*\| ([^|]+) \|$/gm)].map(
  ([, repo = '', count = '8', card = '', choice = '', verdict = '']) => ({ repo, count: Number(count), card, choice, verdict }),
)

const recipes = createRecipes({ ours: `${ROOT}recipes`, user: [] })

describe('the table of docs/decisions/0008', () => {
  test('has at least twelve pairs, each equal or argued', () => {
    expect(rows.length).toBeGreaterThanOrEqual(12)
    for (const { verdict } of rows) expect(verdict).toMatch(/^(equal|argued)/)
  })

  test.each(rows)('$repo on $count idle $card: our first choice is what the table says', async ({ repo, count, card, choice }) => {
    const [authored, hardware, models] = await Promise.all([recipes.all(), recipes.hardware(), recipes.models()])
    const model = factsFromCatalogue(repo, models)
    const facts = hardware.find(({ name }) => name === card)
    if (model === null || facts === undefined) throw new Error(`${repo} or ${card} is not known`)
    const gpus = Array.from({ length: count }, (_, index) =>
      aGpu({
        index,
        card: index,
        model: card,
        arch: facts.arch,
        vramTotalBytes: facts.vramBytes,
        vramFreeBytes: facts.vramBytes,
        hive: 'a',
      }),
    )
    const plan = makePlan({
      model,
      nodes: [aNode({ gpus })],
      recipes: recipesFor(model, authored, hardware),
      hardware,
      // The operator lets the code of Kimi's tokenizer run, as its publishers do.
      requirements: { objective: 'balanced', remoteCode: [repo] },
      current: null,
      prices: null,
      measurements: [],
    })
    expect(plan.candidates[0]?.recipe).toBe(choice)
  })
})
