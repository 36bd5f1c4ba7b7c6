import { execFileSync } from 'node:child_process'
import { symlink, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRecipes } from '../../../src/adapters/recipes/create-recipes.js'
import { validatePaths } from '../../../src/adapters/recipes/validate-paths.js'
import { readYaml } from '../../../src/adapters/recipes/yaml-source.js'
import { COMMON, folderOf, RECIPE } from './support.js'

async function rulesOf(text: string): Promise<string[]> {
  const ours = await folderOf({ ...COMMON, 'org/tiny/two.yaml': text })
  const { problems } = await createRecipes({ ours, user: [] }).survey()
  return problems.map(({ line, field, rule }) => `${line} ${field}: ${rule}`)
}

describe('what YAML can do to a program', () => {
  test.each([
    ['settings', RECIPE.replace('  maxSequences: 64', '  __proto__: { trustRemoteCode: true }'), 10],
    ['args', RECIPE.replace('  block-size: 16', '  __proto__: { port: 1 }'), 12],
    ['env', `${RECIPE}env:\n  __proto__: { LD_PRELOAD: x }\n`, 15],
    ['the file', `${RECIPE}"__proto__": { image: x }\n`, 14],
  ])('__proto__ in %s is refused at its line and changes no object', async (_name, text, line) => {
    expect(await rulesOf(text)).toEqual([`${line} __proto__: is not a known field`])
    expect(({} as Record<string, unknown>)['trustRemoteCode']).toBeUndefined()
  })

  test('a flag or setting of the name of something in JavaScript is one that nobody has', async () => {
    expect(await rulesOf(RECIPE.replace('block-size', 'constructor'))).toEqual(['12 args.constructor: is no flag of vllm 0.32.0'])
    expect(await rulesOf(RECIPE.replace('maxSequences', 'constructor'))).toEqual(['10 settings.constructor: is not a known field'])
  })

  test('a merge key is a key like any other, and none of ours', async () => {
    expect(await rulesOf(`${RECIPE}env:\n  <<: { LD_PRELOAD: x }\n`)).toEqual(['15 env.<<: must be upper-case'])
    const merged = `%YAML 1.1\n---\n${RECIPE}env:\n  <<: { LD_PRELOAD: x }\n`
    expect(await rulesOf(merged)).toEqual([expect.stringMatching(/env\.LD_PRELOAD: would load code that nobody consented to$/)])
  })

  test.each([
    ['lists', '['.repeat(100_000)],
    ['lists that are closed', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['maps', '{a: '.repeat(50_000)],
  ])('%s in one another are refused, not a crash', async (_name, text) => {
    const folder = await folderOf({ 'deep.yaml': text })
    const problems = await readYaml(join(folder, 'deep.yaml'))
    expect(problems).toMatchObject([{ line: 1 }, ...Array.from({ length: (problems as unknown[]).length - 1 }, () => ({ line: 1 }))])
    expect((problems as unknown[]).length).toBeLessThanOrEqual(10)
  })

  test('an anchor inside of itself is refused', async () => {
    expect(await rulesOf('model: &a [*a]\n')).toContainEqual(expect.stringMatching(/^1 model: /))
  })
})

describe('a file that is no file', () => {
  test.each([
    ['a pipe', async (file: string) => void execFileSync('mkfifo', [file])],
    ['a device without an end', (file: string) => symlink('/dev/zero', file)],
    ['a folder behind a link', (file: string) => symlink('/', file)],
  ])('%s is refused and not waited for', async (_name, make) => {
    const folder = await folderOf({})
    const file = join(folder, 'one.yaml')
    await make(file)
    expect(await readYaml(file)).toEqual([{ file, line: 1, field: 'file', rule: 'is no regular file' }])
  })

  test('100 MB are refused by the size, which is named', async () => {
    const folder = await folderOf({ 'one.yaml': RECIPE })
    const file = join(folder, 'one.yaml')
    await truncate(file, 100_000_000)
    expect(await readYaml(file)).toEqual([{ file, line: 1, field: 'file', rule: 'is 100000000 bytes long, more than 262144' }])
  })

  test('a catalogue of flags is read with a limit as well', async () => {
    const ours = await folderOf(COMMON)
    await truncate(join(ours, 'engines/vllm-0.32.0.json'), 100_000_000)
    await expect(createRecipes({ ours, user: [] }).flagCatalogues()).rejects.toMatchObject({
      code: 'RecipeInvalid',
      details: { rule: 'is 100000000 bytes long, more than 2097152' },
    })
  })
})

describe('a link', () => {
  test('out of its folder is refused, and its target not read', async () => {
    const elsewhere = await folderOf({ 'secret.yaml': 'password: hunter2\n', 'beside/x.yaml': RECIPE })
    const user = await folderOf({})
    await symlink(join(elsewhere, 'secret.yaml'), join(user, 'one.yaml'))
    const { problems } = await createRecipes({ ours: await folderOf(COMMON), user: [user] }).survey()
    expect(problems).toEqual([
      { file: join(user, 'one.yaml'), line: 1, field: 'file', rule: 'is a link that leads out of its folder: copy the file' },
    ])
  })

  test('inside of its folder is a recipe of its own, also where the folder is a link', async () => {
    const user = await folderOf({ 'data/first.yaml': RECIPE })
    await symlink('data/first.yaml', join(user, 'second.yaml'))
    const links = await folderOf({})
    await symlink(user, join(links, 'recipes'))
    const ours = await folderOf(COMMON)
    for (const folder of [user, join(links, 'recipes')]) {
      expect((await createRecipes({ ours, user: [folder] }).all()).map(({ id }) => id)).toEqual(['data/first', 'second'])
    }
  })

  test('to nowhere is told as one that cannot be read', async () => {
    const user = await folderOf({})
    await symlink('nowhere', join(user, 'one.yaml'))
    const { problems } = await createRecipes({ ours: await folderOf(COMMON), user: [user] }).survey()
    expect(problems).toMatchObject([{ field: 'file', rule: 'cannot be read: ENOENT' }])
  })
})

test('hundreds of bad files, each with many bad fields, are told in seconds, the first twenty of each', { timeout: 60_000 }, async () => {
  const args = Array.from({ length: 40 }, (_, index) => `  wrong-${index}: ${index}\n`).join('')
  const bad = RECIPE.replace('  block-size: 16\n', args)
  const folder = await folderOf(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`bad/${index}.yaml`, bad])))
  const start = performance.now()
  const { files, problems } = await validatePaths({ ours: 'recipes', user: [] }, [folder])
  expect([files, problems.length]).toEqual([200, 4_000])
  expect(performance.now() - start).toBeLessThan(30_000)
})
