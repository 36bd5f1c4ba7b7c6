import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRecipes } from '../../../src/adapters/recipes/create-recipes.js'
import { COMMON, folderOf, HARDWARE, MODEL, RECIPE } from './support.js'

const ours = (files: Record<string, string>): Promise<string> => folderOf({ ...COMMON, ...files })
const id = 'org/tiny/two.yaml'

/** The one problem of a recipe that differs from a right one as told. */
async function problemOf(change: (text: string) => string) {
  const folder = await ours({ [id]: change(RECIPE) })
  const { problems } = await createRecipes({ ours: folder, user: [] }).survey()
  return problems.map(({ file, line, field, rule }) => ({ file: file.slice(folder.length + 1), line, field, rule }))
}

describe('the search path', () => {
  test('a recipe is named by its path and told by where it lies', async () => {
    const any = RECIPE.replace('org/tiny', "'*'").replace('precision: bf16\n', '')
    const folder = await ours({ [id]: RECIPE, 'any/one.yaml': any })
    const mine = await folderOf({ 'deep/down/mine.yaml': RECIPE })
    const recipes = await createRecipes({ ours: folder, user: [mine] }).all()
    expect(recipes.map((recipe) => [recipe.id, recipe.origin])).toEqual([
      ['any/one', 'generic'],
      ['deep/down/mine', 'user'],
      ['org/tiny/two', 'published'],
    ])
    expect(recipes[2]).toMatchObject({
      file: join(folder, id),
      parallel: { tensor: 2, pipeline: 1, data: 1, expert: false },
      settings: { maxSequences: 64 },
      args: { 'block-size': 16 },
      env: {},
      benchmarks: [],
    })
  })

  test('a later folder overrides a recipe by its id and a card by its name', async () => {
    const changed = (text: string, context: number): string => `${text}context: ${context}\n`
    const first = await folderOf({ [id]: changed(RECIPE, 1024), 'hardware.yaml': HARDWARE.replace('value: 64', 'value: 65') })
    const last = await folderOf({ [id]: changed(RECIPE, 2048) })
    const recipes = createRecipes({ ours: await ours({ [id]: RECIPE }), user: [first, last] })
    expect((await recipes.all()).map(({ context, origin }) => [context, origin])).toEqual([[2048, 'user']])
    const cards = await recipes.hardware()
    expect(cards.map(({ name, vramBytes }) => [name, vramBytes / 2 ** 30])).toEqual([
      ['MI210', 65],
      ['MI300X', 192],
      ['RX 7900 XTX', 24],
    ])
  })

  test("the user's model comes before ours, and takes the place of one of the same file name", async () => {
    const folder = await ours({})
    const same = await folderOf({ 'models/tiny.yaml': MODEL.replace('name: Tiny', 'name: Changed') })
    expect((await createRecipes({ ours: folder, user: [same] }).models()).map(({ name }) => name)).toEqual(['Changed'])
    const beside = await folderOf({ 'models/mine.yaml': MODEL.replace('name: Tiny', 'name: Mine') })
    expect((await createRecipes({ ours: folder, user: [beside] }).models()).map(({ name }) => name)).toEqual(['Mine', 'Tiny'])
  })

  test('a folder that is not there is an error, not an empty one', async () => {
    const recipes = createRecipes({ ours: await ours({}), user: ['/nowhere/at/all'] })
    await expect(recipes.all()).rejects.toMatchObject({
      code: 'RecipeInvalid',
      details: { file: '/nowhere/at/all:1', field: 'folder', rule: 'does not exist' },
    })
  })

  test('files are read anew each time', async () => {
    const folder = await ours({ [id]: RECIPE })
    const recipes = createRecipes({ ours: folder, user: [] })
    await recipes.all()
    const { writeFile } = await import('node:fs/promises')
    await writeFile(join(folder, id), `${RECIPE}context: 512\n`)
    expect((await recipes.all())[0]?.context).toBe(512)
  })
})

describe('a bad recipe is refused with file, line, field and rule', () => {
  test.each([
    ['broken YAML', (text: string) => text.replace('model: org/tiny', 'model: [org'), { line: 2, field: 'YAML' }],
    ['a key written twice', (text: string) => `${text}backend: sglang\n`, { line: 14, field: 'YAML', rule: 'Map keys must be unique' }],
    [
      'a field that is missing',
      (text: string) => text.replace('format: safetensors\n', ''),
      { line: 1, field: 'format', rule: 'is required' },
    ],
    ['a field that nobody knows', (text: string) => `${text}colour: blue\n`, { line: 14, field: 'colour', rule: 'is not a known field' }],
    [
      'a setting that nobody knows',
      (text: string) => text.replace('maxSequences', 'maxSeqs'),
      { line: 10, field: 'settings.maxSeqs', rule: 'is not a known field' },
    ],
    ['a value of the wrong kind', (text: string) => text.replace('64', 'many'), { line: 10, field: 'settings.maxSequences' }],
    ['a model that is no repository', (text: string) => text.replace('org/tiny', 'tiny'), { line: 1, field: 'model' }],
    [
      'a flag with its dashes',
      (text: string) => text.replace('block-size', '--block-size'),
      { line: 12, field: 'args.--block-size', rule: 'must be the full name of a flag, without dashes before it' },
    ],
    [
      'a card that is not in the table',
      (text: string) => text.replace('MI300X', 'MI300'),
      { line: 6, field: 'hardware.cards.0', rule: 'MI300 is not in the hardware table: the nearest is MI300X' },
    ],
    [
      'fp8 on gfx90a',
      (text: string) => text.replace('bf16', 'fp8').replace('MI300X', 'MI300X, MI210'),
      { line: 6, field: 'hardware.cards.1', rule: 'MI210 (gfx90a) does not compute fp8' },
    ],
    [
      'fp8 on gfx1100',
      (text: string) => text.replace('bf16', 'fp8').replace('MI300X', 'RX 7900 XTX'),
      { line: 6, field: 'hardware.cards.0', rule: 'RX 7900 XTX (gfx1100) does not compute fp8' },
    ],
    [
      'GPUs that the parallelism does not use',
      (text: string) => text.replace('count: 2', 'count: 8'),
      { line: 7, field: 'parallel', rule: 'tensor x pipeline x data is 2, the hardware has 8' },
    ],
    [
      'a format that the backend does not load',
      (text: string) => text.replace('format: safetensors', 'format: gguf'),
      { line: 5, field: 'format', rule: 'must be safetensors: vllm loads nothing else' },
    ],
    [
      'a custom backend without a command',
      (text: string) => text.replace('backend: vllm\nversion: 0.32.0', 'backend: custom'),
      { line: 1, field: 'command', rule: 'is required for the custom backend' },
    ],
    [
      'a command for another backend',
      (text: string) => `${text}command: [serve]\n`,
      { line: 14, field: 'command', rule: 'is only for the custom backend' },
    ],
    [
      'a precision for any model',
      (text: string) => text.replace('org/tiny', "'*'"),
      { line: 2, field: 'precision', rule: 'must be absent where `model` is any' },
    ],
    [
      'a version without a catalogue',
      (text: string) => text.replace('0.32.0', '0.9.1'),
      { line: 4, field: 'version', rule: 'no catalogue of vllm 0.9.1: there is 0.32.0' },
    ],
    [
      'a flag that the version does not have',
      (text: string) => text.replace('block-size', 'block-sizes'),
      { line: 12, field: 'args.block-sizes', rule: 'is no flag of vllm 0.32.0: the nearest is `block-size`' },
    ],
    ['a flag that is the launcher’s', (text: string) => text.replace('block-size: 16', 'port: 8000'), { line: 12, field: 'args.port' }],
    ['a secret in the environment', (text: string) => `${text}env:\n  HF_TOKEN: abc\n`, { line: 15, field: 'env.HF_TOKEN' }],
  ])('%s', async (_name, change, expected) => {
    const problems = await problemOf(change)
    expect(problems).toContainEqual(expect.objectContaining({ file: id, ...expected }))
  })

  test('the right one has no problem, so that each of these is told by its change alone', async () => {
    expect(await problemOf((text) => text)).toEqual([])
  })

  test('anchors that unfold into very much are refused', async () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'
        .split('')
        .map((name, i) => `${name}: &${name} [${'*abcdefg'[i + 1] === undefined ? '' : Array(10).fill(`*${'abcdefg'[i]}`).join(', ')}]`),
    ]
    const [problem] = await problemOf(() => `${bomb.join('\n')}\n`)
    expect(problem).toMatchObject({ field: 'file', rule: expect.stringContaining('alias') })
  })

  test('a file that is no page of text is refused before it is read', async () => {
    const [problem] = await problemOf((text) => `${text}# ${'x'.repeat(300_000)}\n`)
    expect(problem).toMatchObject({ field: 'file', rule: expect.stringMatching(/is \d+ bytes long, more than 262144/) })
  })

  test('two ids that differ only by case are refused', async () => {
    const folder = await ours({ [id]: RECIPE, 'Org/Tiny/two.yaml': RECIPE })
    const { problems } = await createRecipes({ ours: folder, user: [] }).survey()
    expect(problems).toMatchObject([
      { file: join(folder, id), field: 'id', rule: expect.stringContaining('differs only by case from Org/Tiny/two') },
    ])
  })

  test('all problems of all files are told at once; a plan is refused for the first', async () => {
    const folder = await ours({ 'a/a.yaml': `${RECIPE}one: 1\ntwo: 2\n`, 'b/b.yaml': `${RECIPE}three: 3\n`, [id]: RECIPE })
    const recipes = createRecipes({ ours: folder, user: [] })
    const { recipes: right, problems } = await recipes.survey()
    expect(right.map((recipe) => recipe.id)).toEqual(['org/tiny/two'])
    expect(problems.map(({ field, line }) => [field, line])).toEqual([
      ['one', 14],
      ['two', 15],
      ['three', 14],
    ])
    await expect(recipes.all()).rejects.toMatchObject({
      code: 'RecipeInvalid',
      details: { file: `${join(folder, 'a/a.yaml')}:14`, field: 'one' },
    })
  })

  test('a bad hardware table and a bad model are refused as well', async () => {
    const folder = await folderOf({
      ...COMMON,
      'hardware.yaml': HARDWARE.replace('value: 64, source: sheet', 'value: 64, source: nowhere'),
    })
    await expect(createRecipes({ ours: folder, user: [] }).hardware()).rejects.toMatchObject({
      code: 'RecipeInvalid',
      details: { field: 'cards.0.vramGiB.source', rule: 'is no key of sources: nowhere', file: `${join(folder, 'hardware.yaml')}:7` },
    })
    const other = await folderOf({ ...COMMON, 'models/tiny.yaml': MODEL.replace('layers: 32', 'layers: 0') })
    await expect(createRecipes({ ours: other, user: [] }).models()).rejects.toMatchObject({
      details: { field: 'shape.layers', file: `${join(other, 'models/tiny.yaml')}:4` },
    })
  })
})
