import { assert, asyncProperty, constantFrom, nat, tuple, type Arbitrary } from 'fast-check'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRecipes } from '../../../src/adapters/recipes/create-recipes.js'
import { importFile } from '../../../src/adapters/recipes/import/import-file.js'
import { COMMON, folderOf, RECIPE } from './support.js'

const PROFILE = `model_id: org/tiny
metadata: { engine: vllm, gpu: MI300X, gpu_count: 2, precision: fp16, metric: latency }
engine_args:
  tensor-parallel-size: 2
  max-num-seqs: 8
env_vars: { VLLM_ROCM_USE_AITER: '1' }
`

/** A text with a piece cut out, doubled, or replaced by something that breaks YAML, types or names. */
const mutated = (text: string): Arbitrary<string> =>
  tuple(
    nat(text.length),
    nat(24),
    constantFrom('', '[', '{', '&a *a', '\n', '  ', 'null', '-1', '1e999', '!!binary x', '"', '\u0000', '\ufeff', '*'),
  ).map(([start, length, piece]) => text.slice(0, start) + piece + text.slice(start + length))

test('a recipe broken in any way is a recipe or named problems, each with its line', async () => {
  const ours = await folderOf(COMMON)
  const folder = await folderOf({ 'r.yaml': RECIPE })
  const recipes = createRecipes({ ours, user: [folder] })
  let refused = 0
  await assert(
    asyncProperty(mutated(RECIPE), async (text) => {
      await writeFile(join(folder, 'r.yaml'), text)
      const { recipes: found, problems } = await recipes.survey()
      expect(found.length > 0).toBe(problems.length === 0)
      for (const { line, field, rule } of problems) {
        expect(line).toBeGreaterThanOrEqual(1)
        expect(line).toBeLessThanOrEqual(text.split('\n').length)
        expect(field).not.toBe('')
        expect(rule).not.toBe('')
      }
      refused += problems.length > 0 ? 1 : 0
    }),
    { numRuns: 400, seed: 7 },
  )
  expect(refused).toBeGreaterThan(100)
})

test('a foreign file broken in any way is imported or refused, never both and never neither', async () => {
  const folder = await folderOf({ ...COMMON, 'p.yaml': PROFILE })
  const files = createRecipes({ ours: await folderOf(COMMON), user: [] })
  const known = { cards: await files.hardware(), catalogues: await files.flagCatalogues() }
  await assert(
    asyncProperty(mutated(PROFILE), async (text) => {
      await writeFile(join(folder, 'p.yaml'), text)
      const { recipes, problems } = await importFile(join(folder, 'p.yaml'), known)
      expect(recipes.length > 0).toBe(problems.length === 0)
    }),
    { numRuns: 400, seed: 7 },
  )
})
