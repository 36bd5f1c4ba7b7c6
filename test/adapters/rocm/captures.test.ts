import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createRecipes } from '../../../src/adapters/recipes/create-recipes.js'
import { inspectCaptures } from '../../../src/adapters/rocm/index.js'
import { CARDS } from './cards.js'
import { FIXTURES } from './fixtures.js'
import { folderOf } from './folder.js'
import { SHARED_FIXTURES } from './shared-fixtures.js'

const ours = fileURLToPath(new URL('../../../recipes', import.meta.url))
const table = await createRecipes({ ours, user: [] }).hardware()

describe.each([
  ['a table in which some cards have no id', CARDS],
  ['our hardware table', table],
])('with %s', (_, cards) => {
  test.each([...FIXTURES, ...SHARED_FIXTURES])('$name', async ({ files, truth, codes }) => {
    await using folder = await folderOf(files)
    const { gpus, problems } = await inspectCaptures(folder.dir, cards)
    expect([...new Set(problems.map(({ code }) => code))], JSON.stringify(problems)).toEqual(codes)
    expect(
      gpus.map(({ model, vramTotalBytes, partition, card }) => ({
        model,
        vram: vramTotalBytes,
        partition: partition?.compute ?? null,
        card,
      })),
    ).toEqual(truth)
  })
})
