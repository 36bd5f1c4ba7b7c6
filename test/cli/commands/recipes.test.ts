import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { recipesImport } from '../../../src/cli/commands/recipes-import.js'
import { recipesList } from '../../../src/cli/commands/recipes-list.js'
import { recipesShow } from '../../../src/cli/commands/recipes-show.js'
import { recipesTest } from '../../../src/cli/commands/recipes-test.js'
import { recipesValidate } from '../../../src/cli/commands/recipes-validate.js'
import { RecipeFile } from '../../../src/contracts/recipe.js'
import { folderOf } from '../../adapters/recipes/support.js'
import { testCli } from '../support.js'

const MODEL = 'Qwen/Qwen3-32B'
const MINE = `model: ${MODEL}
precision: bf16
backend: vllm
version: 0.32.0
format: safetensors
hardware: { kind: gpu, count: 2, cards: [MI300X] }
parallel: { tensor: 2 }
source: my own runs
`

/** The commands with a folder of the user's recipes on the search path, beside ours. */
async function withRecipes(files: Record<string, string>) {
  const folder = await folderOf(files)
  const { cli, out, err } = testCli({ env: { AIM_HOME: folder, AIM_RECIPES: folder } })
  return { folder, cli, out, err }
}

type Row = { id: string; origin: string; model: string; file: string | null }

describe('recipes list', () => {
  test('shows what was written, the user’s among it', async () => {
    const { cli, folder } = await withRecipes({ 'mine.yaml': MINE })
    const report = await recipesList(cli, [], {})
    const rows = report.data as Row[]
    expect(rows.find(({ id }) => id === 'mine')).toMatchObject({ origin: 'user', model: MODEL, file: join(folder, 'mine.yaml') })
    expect(rows.filter(({ origin }) => origin === 'published').length).toBeGreaterThanOrEqual(25)
    expect(rows.some(({ origin }) => origin === 'derived')).toBe(false)
    expect(report.notes?.join()).toMatch(/\d+ derived recipes are not shown: --all/)
  })

  test('for one model shows its own, in any precision, and those for any model', async () => {
    const { cli } = await withRecipes({ 'mine.yaml': MINE })
    const rows = (await recipesList(cli, ['qwen/qwen3-32b'], { all: true })).data as Row[]
    expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(['mine', 'any/vllm-cpu']))
    expect(rows.some(({ id }) => id === `derived/${MODEL}/mi300x-1-bf16-vllm-latency`)).toBe(true)
    expect(new Set(rows.map(({ model }) => model)).size).toBeGreaterThan(2)
    for (const { model } of rows) expect(model === '*' || model.includes('Qwen3-32B')).toBe(true)
  })

  test('a model outside the catalogue has those for any model, and the way to more', async () => {
    const { cli } = await withRecipes({})
    const report = await recipesList(cli, ['nobody/nothing'], { all: true })
    for (const { model } of report.data as Row[]) expect(model).toBe('*')
    expect(report.notes?.join()).toContain('nobody/nothing is not in the catalogue')
  })

  test('a bad file does not hide the rest, and is told', async () => {
    const { cli, folder } = await withRecipes({ 'mine.yaml': MINE, 'bad.yaml': MINE.replace('tensor: 2', 'tensor: 8') })
    const report = await recipesList(cli, [], {})
    expect((report.data as Row[]).some(({ id }) => id === 'mine')).toBe(true)
    expect(report.notes).toContain(`refused: ${folder}/bad.yaml:7: parallel: tensor x pipeline x data is 8, the hardware has 2`)
  })
})

describe('recipes show', () => {
  test('prints a recipe as a file that can be used again, and where it is from', async () => {
    const { cli, out, folder } = await withRecipes({ 'mine.yaml': MINE })
    await cli.print(await recipesShow(cli, ['mine']))
    expect(out()).toContain(`# user, from ${folder}/mine.yaml`)
    expect(RecipeFile.parse(parse(out()))).toEqual(RecipeFile.parse(parse(MINE)))
  })

  test('prints a derived one, which then takes its place from a folder of the user', async () => {
    const id = `derived/${MODEL}/mi300x-2-bf16-vllm-latency`
    const { cli, out } = await withRecipes({})
    await cli.print(await recipesShow(cli, [id]))
    expect(out()).toContain('docs/decisions/0007-derived-recipes.md')
    const changed = await withRecipes({ [`${id}.yaml`]: `${out()}context: 4096\n` })
    const report = await recipesShow(changed.cli, [id])
    expect(report.data).toMatchObject({ id, origin: 'user', context: 4096 })
    const rows = (await recipesList(changed.cli, [MODEL], { all: true })).data as Row[]
    expect(rows.filter((row) => row.id === id).map(({ origin }) => origin)).toEqual(['user'])
  })

  test.each(['no/such', 'derived/no/such/mi300x-1-bf16-vllm-latency', `derived/${MODEL}/h100-1-bf16-vllm-latency`])(
    '%s is refused with those that are near',
    async (id) => {
      const { cli } = await withRecipes({ 'such.yaml': MINE })
      for (const refused of [() => recipesShow(cli, [id]), () => recipesTest(cli, [id], {})]) {
        await expect(refused()).rejects.toMatchObject({
          code: 'InvalidInput',
          details: {
            field: 'recipe',
            rule: expect.stringMatching(
              /^there is no recipe \S+; the nearest are \S+, \S+, \S+; aim recipes list --all shows all$/,
            ) as string,
          },
        })
      }
    },
  )

  test('the nearest are those of the same words', async () => {
    const { cli } = await withRecipes({})
    const near = `derived/${MODEL}/mi300x-2-bf16-vllm-latency`
    await expect(recipesShow(cli, [`${MODEL}/mi300x-2-bf16-vllm-latncy`])).rejects.toThrow(`the nearest are ${near}, `)
  })
})

describe('recipes validate', () => {
  test('finds nothing wrong with ours', async () => {
    const { cli } = testCli({ env: { AIM_HOME: await folderOf({}) } })
    const report = await recipesValidate(cli, [])
    expect(report.data).toEqual([])
    expect(report.exit).toBe(0)
    expect(report.notes?.join()).toMatch(/^\d\d+ files are right$/)
  })

  test('tells every problem of every file, with exit code 2', async () => {
    const { cli, folder } = await withRecipes({})
    const other = await folderOf({
      'a.yaml': MINE.replace('0.32.0', '0.1.0').replace('MI300X', 'MI300Y'),
      'b/b.yaml': `${MINE}colour: blue\n`,
      'good.yaml': MINE,
      'models/m.yaml': 'name: x\n',
    })
    const report = await recipesValidate(cli, [other])
    const problems = (report.data as { file: string; line: number; field: string }[]).map(({ file, line, field }) => [
      file.slice(other.length + 1),
      line,
      field,
    ])
    expect(problems).toEqual(
      expect.arrayContaining([
        ['a.yaml', 6, 'hardware.cards.0'],
        ['b/b.yaml', 9, 'colour'],
        ['models/m.yaml', 1, 'shape'],
      ]),
    )
    expect(problems.some(([file]) => file === 'good.yaml')).toBe(false)
    expect(report.exit).toBe(2)
    expect(folder).not.toBe(other)
  })

  test('takes single files, and says when one is not there', async () => {
    const { cli, folder } = await withRecipes({
      'a.yaml': MINE,
      'b.yaml': MINE.replace('vllm', 'vlm'),
      'hardware.yaml': 'cards: []\nsources: {}\n',
    })
    expect((await recipesValidate(cli, [join(folder, 'b.yaml')])).data).toMatchObject([
      { file: join(folder, 'b.yaml'), line: 3, field: 'backend' },
    ])
    const table = join(folder, 'hardware.yaml')
    expect((await recipesValidate(cli, [table])).data).toMatchObject([{ file: table, field: 'cards' }])
    await expect(recipesValidate(cli, [join(folder, 'c.yaml')])).rejects.toMatchObject({ code: 'InvalidInput', details: { field: 'PATH' } })
  })
})

describe('recipes test', () => {
  type Trial = { recipe: string; passed: boolean; found: string[]; untested: string[] }

  test('says of each what it found and what it could not test', async () => {
    const huge = MINE.replaceAll(MODEL, 'meta-llama/Llama-3.1-405B-Instruct')
      .replace('count: 2', 'count: 1')
      .replace('tensor: 2', 'tensor: 1')
    const { cli } = await withRecipes({
      'fits.yaml': MINE,
      'huge.yaml': huge,
      'unknown.yaml': MINE.replace(MODEL, 'nobody/nothing').replace('version: 0.32.0\n', ''),
    })
    const report = await recipesTest(cli, ['fits', 'huge', 'unknown', 'any/vllm-cpu'], {})
    const [fits, large, unknown, cpu] = report.data as Trial[]
    expect(fits).toMatchObject({ passed: true, found: [expect.stringMatching(/^MI300X: \d+ tokens, \d+ at a time$/)], untested: [] })
    expect(large).toMatchObject({ passed: false, found: [expect.stringMatching(/^MI300X: weights of \d+/)] })
    expect(unknown).toMatchObject({
      passed: true,
      untested: ['flags: it names no version of its backend', 'memory: nobody/nothing is not in the catalogue'],
    })
    expect(cpu?.untested).toContain('memory: it runs on the processor')
    expect(report.exit).toBe(1)
    expect(report.notes).toContain('3 pass, 1 fail')
  })

  test('a derived one is tried by its id', async () => {
    const { cli } = await withRecipes({})
    const report = await recipesTest(cli, [`derived/${MODEL}/mi300x-2-bf16-sglang-throughput`], {})
    expect(report.data).toMatchObject([{ passed: true, untested: [] }])
    expect(report.exit).toBe(0)
  })

  test('wants ids or --all, not both', async () => {
    const { cli } = await withRecipes({})
    for (const [ids, all] of [
      [[], false],
      [['mine'], true],
    ] as const)
      await expect(recipesTest(cli, [...ids], { all })).rejects.toMatchObject({ code: 'InvalidInput', details: { field: 'IDS' } })
  })
})

describe('recipes import', () => {
  const PROFILE = `model_id: ${MODEL}
metadata: { engine: vllm, gpu: MI300X, gpu_count: 2, precision: fp16, metric: latency, type: optimized, primary: true }
engine_args:
  tensor-parallel-size: 2
  swap-space: 16
`

  test('prints recipes, and tells on stderr what was not mapped', async () => {
    const { cli, out, err, folder } = await withRecipes({ 'vllm-mi300x.yml': PROFILE })
    const report = await recipesImport(cli, [join(folder, 'vllm-mi300x.yml')], {})
    await cli.print(report)
    expect(RecipeFile.parse(parse(out()))).toMatchObject({ model: MODEL, parallel: { tensor: 2 }, objective: 'latency' })
    expect(err()).toContain(`${folder}/vllm-mi300x.yml:5: engine_args.swap-space: left out:`)
    expect(err()).toContain('metadata.primary: true has no place in a recipe')
    expect(report.exit).toBe(0)
  })

  test('writes below a folder, and leaves alone what is there', async () => {
    const { cli, folder } = await withRecipes({ 'p.yml': PROFILE })
    const target = await folderOf({})
    const file = join(target, `${MODEL}/p.yaml`)
    const first = await recipesImport(cli, [join(folder, 'p.yml')], { out: target })
    expect(first.exit).toBe(0)
    expect(parse(await readFile(file, 'utf8'))).toMatchObject({ model: MODEL, hardware: { count: 2 } })
    const again = await recipesImport(cli, [join(folder, 'p.yml')], { out: target })
    expect(again.exit).toBe(2)
    expect(again.notes?.join()).toContain('is there already')
  })

  test('refuses what it cannot read, by file and field, and takes the rest', async () => {
    const { cli, folder } = await withRecipes({ 'a.yml': PROFILE, 'b.yml': PROFILE.replace('MI300X', 'H100') })
    const report = await recipesImport(
      cli,
      ['a.yml', 'b.yml', 'none.yml'].map((name) => join(folder, name)),
      {},
    )
    expect(report.names).toEqual([`${MODEL}/a`])
    expect(report.notes?.join('\n')).toMatch(/refused: .*b\.yml:2: metadata\.gpu: H100 is not in the hardware table/)
    expect(report.notes?.join('\n')).toMatch(/refused: .*none\.yml:1: file: cannot be read: ENOENT/)
    expect(report.exit).toBe(2)
  })
})
