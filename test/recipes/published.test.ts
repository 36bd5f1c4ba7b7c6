import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { FlagCatalogue } from '../../src/contracts/flag-catalogue.js'
import { cardsOf, HardwareFile } from '../../src/contracts/hardware-file.js'
import { RecipeFile } from '../../src/contracts/recipe.js'
import { configurationProblem } from '../../src/engines/configuration-problem.js'
import { engines } from '../../src/engines/index.js'

const RECIPES = fileURLToPath(new URL('../../recipes/', import.meta.url))
/** Folders of `recipes/` that hold something else. */
const OTHERS = ['engines', 'models']
/** Repository at a commit and path in it, or a page. */
const CITATION = /^([\w.-]+\/[\w.-]+@[0-9a-f]{40} \S+|https:\/\/\S+)/

const yamlOf = (path: string): unknown => parse(readFileSync(join(RECIPES, path), 'utf8'))

const files = readdirSync(RECIPES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !OTHERS.includes(entry.name))
  .flatMap(({ name }) => readdirSync(join(RECIPES, name), { recursive: true, encoding: 'utf8' }).map((path) => `${name}/${path}`))
  .filter((path) => path.endsWith('.yaml'))
  .toSorted()

const cards = cardsOf(HardwareFile.parse(yamlOf('hardware.yaml')))
const catalogues = readdirSync(join(RECIPES, 'engines'))
  .filter((name) => name.endsWith('.json'))
  .map((name) => FlagCatalogue.parse(JSON.parse(readFileSync(join(RECIPES, 'engines', name), 'utf8'))))

const read = files.map((file) => ({ file, result: RecipeFile.safeParse(yamlOf(file)) }))
const recipes = read.flatMap(({ file, result }) => (result.success ? [{ file, ...result.data }] : []))
const published = recipes.filter(({ model }) => model !== '*')

/** The recipes that break a rule, by file: an empty list is what each test wants to see. */
function breaking(rule: (recipe: (typeof recipes)[number]) => boolean): string[] {
  return recipes.filter(rule).map(({ file }) => file)
}

test('every recipe is what the schema says', () => {
  const problems = read.flatMap(({ file, result }) =>
    (result.error?.issues ?? []).map(({ path, message }) => `${file}: ${path.join('.')} ${message}`),
  )
  expect(problems).toEqual([])
  expect(recipes.length).toBe(files.length)
})

test('at least 25 recipes come from published sources, each from a place of its own', () => {
  expect(published.length).toBeGreaterThanOrEqual(25)
  expect(new Set(published.map(({ source }) => source)).size).toBe(published.length)
  expect(published.filter(({ source }) => !CITATION.test(source)).map(({ file }) => file)).toEqual([])
})

test('a measured figure names where it was published', () => {
  const measured = recipes.flatMap(({ benchmarks }) => benchmarks)
  expect(measured.length).toBeGreaterThan(0)
  expect(measured.filter(({ source }) => !CITATION.test(source))).toEqual([])
})

test('a recipe lies in the folder of its weights, and its name begins with what it runs on', () => {
  expect(breaking(({ file, model }) => !file.startsWith(model === '*' ? 'any/' : `${model}/`))).toEqual([])
  const wrong = published.filter(({ file, model, hardware, precision, backend }) => {
    const name = file.slice(model.length + 1)
    return hardware.kind !== 'gpu' || !new RegExp(`^[a-z0-9]+-${hardware.count}-${precision}-${backend}[-.]`).test(name)
  })
  expect(wrong.map(({ file }) => file)).toEqual([])
})

test('every card is in the hardware table', () => {
  const known = new Set(cards.map(({ name }) => name))
  expect(
    breaking(({ hardware, benchmarks }) => {
      const named = hardware.kind === 'gpu' ? hardware.cards : []
      return ![...named, ...benchmarks.map(({ card }) => card)].every((name) => known.has(name))
    }),
  ).toEqual([])
})

test('fp8 is never meant for cards without it, and mxfp4 weights that only their own hardware computes stay on it', () => {
  const withoutFp8 = ['MI210', 'MI250X', 'PRO W7900', 'RX 7900 XTX']
  expect(cards.filter(({ fp8 }) => fp8 === null).map(({ name }) => name)).toEqual(expect.arrayContaining(withoutFp8))
  const fp8 = recipes.filter(({ precision, settings }) => precision === 'fp8' || settings.kvDtype === 'fp8')
  const named = fp8.flatMap(({ hardware }) => (hardware.kind === 'gpu' ? hardware.cards : []))
  expect(named.filter((name) => cards.find((card) => card.name === name)?.fp8 === null)).toEqual([])

  const quark = published.filter(({ model, precision }) => precision === 'mxfp4' && model.startsWith('amd/'))
  const emulating = quark.flatMap(({ hardware }) => (hardware.kind === 'gpu' ? hardware.cards : []))
  expect(emulating.filter((name) => cards.find((card) => card.name === name)?.mxfp4 !== true)).toEqual([])
})

test('tensor x pipeline x data is the number of GPUs', () => {
  const uses = ({ parallel: { tensor, pipeline, data } }: (typeof recipes)[number]): number => tensor * pipeline * data
  expect(breaking((recipe) => uses(recipe) !== (recipe.hardware.kind === 'gpu' ? recipe.hardware.count : 1))).toEqual([])
})

test('every published recipe names a version, and its backend takes all that it says', () => {
  const problems = published.flatMap(({ file, ...recipe }) => {
    const catalogue = catalogues.find(({ backend, version }) => backend === recipe.backend && version === recipe.version)
    if (catalogue === undefined) return [`${file}: no catalogue of ${recipe.backend} ${recipe.version}`]
    const problem = configurationProblem(engines[recipe.backend], recipe, catalogue)
    return problem === null ? [] : [`${file}: ${problem.field} ${problem.rule}`]
  })
  expect(problems).toEqual([])
})

test('no recipe names a place on a machine or a secret', () => {
  const texts = files.map((file) => ({ file, text: readFileSync(join(RECIPES, file), 'utf8') }))
  expect(
    texts.filter(({ text }) => /(^|[\s'"=])\/(home|root|mnt|data|models)\b|HF_TOKEN|hf_[A-Za-z0-9]{20}/.test(text)).map(({ file }) => file),
  ).toEqual([])
})
