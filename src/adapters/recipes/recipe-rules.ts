import type { z } from 'zod'
import type { FlagCatalogue } from '../../contracts/flag-catalogue.js'
import type { RecipeFile } from '../../contracts/recipe.js'
import type { Backend } from '../../domain/engine.js'
import { canCompute, type Card } from '../../domain/hardware.js'
import { gpusOf } from '../../domain/parallelism.js'
import { configurationProblem, engines } from '../../engines/index.js'
import { nearest } from '../../engines/nearest.js'
import { ownValue } from '../../engines/own-value.js'
import type { YamlPath } from './yaml-source.js'

export type RecipeData = z.output<typeof RecipeFile>
export type Broken = { path: YamlPath; rule: string }

/** What a recipe is checked against. */
export type Known = { cards: readonly Card[]; catalogues: readonly FlagCatalogue[] }

const FORMATS: Record<Backend, RecipeData['format'] | null> = { llamacpp: 'gguf', vllm: 'safetensors', sglang: 'safetensors', custom: null }

/** The rules that a schema cannot say: each that is broken, with the field; of those of its engine the first `most`. */
export function brokenRules(recipe: RecipeData, known: Known, most = Infinity): Broken[] {
  const broken = [...hardwareRules(recipe, known.cards), ...backendRules(recipe)]
  return broken.length > 0 ? broken : engineRules(recipe, known.catalogues, most)
}

function hardwareRules({ hardware, parallel, precision, model, benchmarks }: RecipeData, cards: readonly Card[]): Broken[] {
  const used = gpusOf(parallel)
  const count = hardware.kind === 'cpu' ? 1 : hardware.count
  const named = hardware.kind === 'cpu' ? [] : hardware.cards.map((name, index) => ({ name, path: ['hardware', 'cards', index] }))
  const measured = benchmarks.map(({ card: name }, index) => ({ name, path: ['benchmarks', index, 'card'] }))
  return [
    ...[...named, ...measured].flatMap(({ name, path }) =>
      cards.some((card) => card.name === name) ? [] : [{ path, rule: noCard(name, cards) }],
    ),
    ...named.flatMap(({ name, path }) => {
      const card = cards.find((each) => each.name === name)
      if (card === undefined || precision === null || canCompute(card, precision)) return []
      return [{ path, rule: `${name} (${card.arch}) does not compute ${precision}` }]
    }),
    ...(used === count ? [] : [{ path: ['parallel'], rule: `tensor x pipeline x data is ${used}, the hardware has ${count}` }]),
    ...(model === '*' && precision !== null ? [{ path: ['precision'], rule: 'must be absent where `model` is any' }] : []),
  ]
}

/** Cards that the table has under the name of a twin, which has the same device id. */
const UNDER_ANOTHER: Readonly<Record<string, string>> = { MI250: 'MI250X' }

function noCard(name: string, cards: readonly Card[]): string {
  const twin = ownValue(UNDER_ANOTHER, name.toUpperCase())
  if (twin !== undefined && cards.some((card) => card.name === twin))
    return `${name} is not in the hardware table: say ${twin}, its word for ${name} and ${twin}`
  const names = cards.map((card) => card.name)
  const near = nearest(name, names)
  return `${name} is not in the hardware table: ${near === null ? `it has ${names.join(', ') || 'no card'}` : `the nearest is ${near}`}`
}

function backendRules({ backend, format, command }: RecipeData): Broken[] {
  const needed = FORMATS[backend]
  return [
    ...(needed !== null && format !== needed ? [{ path: ['format'], rule: `must be ${needed}: ${backend} loads nothing else` }] : []),
    ...(backend === 'custom' && command === undefined ? [{ path: ['command'], rule: 'is required for the custom backend' }] : []),
    ...(backend !== 'custom' && command !== undefined ? [{ path: ['command'], rule: 'is only for the custom backend' }] : []),
  ]
}

/** That the engine starts with it: settings that its backend can say, flags and values that its version takes, nothing that is ours to say. */
function engineRules(recipe: RecipeData, catalogues: readonly FlagCatalogue[], most: number): Broken[] {
  const { backend, version } = recipe
  const ofBackend = catalogues.filter((each) => each.backend === backend)
  // A flag that nobody checks may be the beginning of one that nobody may give: without a version the newest is meant.
  const newest = ofBackend.toSorted((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }))[0]
  const catalogue = (version === null ? newest : ofBackend.find((each) => each.version === version)) ?? null
  if (version !== null && catalogue === null) {
    const versions = ofBackend.map((each) => each.version).join(', ')
    return [
      { path: ['version'], rule: `no catalogue of ${backend} ${version}: ${versions === '' ? 'leave it out' : `there is ${versions}`}` },
    ]
  }
  return eachProblem(recipe, catalogue, most)
}

/** The engine tells the first problem: without that field it tells the next. */
function eachProblem(recipe: RecipeData, catalogue: FlagCatalogue | null, most: number): Broken[] {
  if (most <= 0) return []
  const problem = configurationProblem(engines[recipe.backend], recipe, catalogue)
  if (problem === null) return []
  const path = problem.field === 'gpus' ? ['hardware'] : pathOf(problem.field)
  const rest = without(recipe, path)
  return [{ path, rule: problem.rule }, ...(rest === null ? [] : eachProblem(rest, catalogue, most - 1))]
}

/** The recipe without a field of one of its tables; null when it is no such field. */
export function without(recipe: RecipeData, [table, name]: YamlPath): RecipeData | null {
  if (table !== 'args' && table !== 'env' && table !== 'settings') return null
  const left = Object.entries(recipe[table]).filter(([key]) => key !== name)
  return left.length === Object.keys(recipe[table]).length ? null : { ...recipe, [table]: Object.fromEntries(left) }
}

/** `args.a.b`: a name may hold dots, its table does not. */
function pathOf(field: string): YamlPath {
  const dot = field.indexOf('.')
  return dot < 0 ? [field] : [field.slice(0, dot), field.slice(dot + 1)]
}
