import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRecipes } from '../../src/adapters/recipes/create-recipes.js'
import { FlagCatalogue } from '../../src/contracts/flag-catalogue.js'
import { factsFromCatalogue } from '../../src/domain/catalogue.js'
import { recipesFor } from '../../src/domain/derive-recipes.js'
import type { EngineSpec } from '../../src/domain/engine.js'
import type { Recipe } from '../../src/domain/recipe.js'
import { renderFlags, type FlagValue } from '../../src/engines/flags.js'
import { configurationProblem, engines, flagProblem } from '../../src/engines/index.js'
import { installParser, readParser, startJudge, type Judge, type ParserBackend } from '../support/parsers.js'
import { BIND, SPEC, TOOLS, gpus } from '../engines/specs.js'
import { settingsCombined } from './settings-combined.js'

const PARSERS: ParserBackend[] = ['vllm', 'sglang']
const RECIPES = fileURLToPath(new URL('../../recipes', import.meta.url))

/** The least that each takes. */
const BASE = { vllm: ['serve', '/model'], sglang: ['serve', '--model-path', '/model'] } satisfies Record<ParserBackend, string[]>

/** All that are written, and all that are derived for each repository of the catalogue. */
let recipes: Recipe[]
let catalogues: FlagCatalogue[]
let judges: Record<ParserBackend, Judge>

beforeAll(async () => {
  for (const backend of PARSERS) await installParser(backend)
  const [vllm, sglang] = await Promise.all([startJudge('vllm'), startJudge('sglang')])
  judges = { vllm, sglang }
  const files = createRecipes({ ours: RECIPES, user: [] })
  const [authored, cards, models] = [await files.all(), await files.hardware(), await files.models()]
  catalogues = await files.flagCatalogues()
  const repos = models.flatMap(({ variants }) => variants.map(({ repo }) => repo))
  const all = repos.flatMap((repo) => recipesFor(factsFromCatalogue(repo, models) ?? missing(repo), authored, cards))
  recipes = [...new Map([...authored, ...all].map((recipe) => [recipe.id, recipe])).values()]
}, 1_800_000)
afterAll(() => {
  for (const backend of PARSERS) judges[backend].end()
})

function missing(repo: string): never {
  throw new Error(`${repo} is not in the catalogue that names it`)
}

/** The ways in which a recipe is started: as it is, with a context that somebody asked for, and without consent to the repository's code. */
function specsOf(recipe: Recipe): EngineSpec[] {
  const { backend, hardware, parallel, settings, args, env, context } = recipe
  const { trustRemoteCode: _, ...withoutCode } = settings
  const own: EngineSpec = { ...SPEC, backend, gpus: hardware.kind === 'gpu' ? gpus(hardware.count) : [], parallel, settings, args, env }
  const asked = { ...own, context: 4096 }
  return [context === undefined ? own : { ...own, context }, asked, { ...asked, settings: withoutCode }]
}

/** What comes after the program, each once. */
function argvsOf(specs: readonly EngineSpec[]): string[][] {
  const argvs = specs.map((spec) => engines[spec.backend].command(spec, TOOLS, BIND).argv.slice(1))
  return [...new Map(argvs.map((argv) => [JSON.stringify(argv), argv])).values()]
}

async function refusals(backend: ParserBackend, argvs: string[][]): Promise<{ argv: string; problem: string }[]> {
  const verdicts = await judges[backend].judge(argvs)
  return verdicts.flatMap((problem, index) => (problem === null ? [] : [{ argv: argvs[index]?.join(' ') ?? '', problem }]))
}

describe.each(PARSERS)('the parser of %s', (backend) => {
  test('takes every command line that a recipe renders', async () => {
    const ofBackend = recipes.filter((recipe) => recipe.backend === backend)
    const argvs = argvsOf(ofBackend.flatMap(specsOf))
    expect(argvs.length).toBeGreaterThan(20)
    expect(await refusals(backend, argvs)).toEqual([])
    process.stdout.write(`${backend}: ${ofBackend.length} recipes, ${argvs.length} different command lines, none refused\n`)
  })

  test('takes every setting, in pairs and in many combinations, on one machine and on two', async () => {
    const specs = settingsCombined(catalogueOf(backend))
    const argvs = argvsOf(specs)
    expect(argvs.length).toBeGreaterThan(1_000)
    expect(await refusals(backend, argvs)).toEqual([])
    process.stdout.write(`${backend}: ${specs.length} combinations of settings, ${argvs.length} different command lines, none refused\n`)
  })

  test('has exactly the flags of the catalogue', async () => {
    const read = FlagCatalogue.parse(await readParser(backend))
    expect(catalogues.find((catalogue) => catalogue.backend === backend && catalogue.version === read.version)).toEqual(read)
  })

  test('takes whatever flag and value passes by the catalogue', async () => {
    const catalogue = catalogueOf(backend)
    const tried = catalogue.flags.filter(({ name }) => !NEEDS_MORE.includes(name))
    const passing = tried.map((flag) => samplesOf(flag).filter((args) => flagProblem(catalogue, args) === null))
    const unsampled = tried.filter((flag, index) => flag.deprecated === null && passing[index]?.length === 0)
    expect(unsampled.map(({ name }) => name)).toEqual([])
    const argvs = passing.flat().map((args) => [...BASE[backend], ...renderFlags(args)])
    expect(await refusals(backend, argvs)).toEqual([])
    process.stdout.write(`${backend}: ${argvs.length} values of ${tried.length} flags, none refused\n`)
  })
})

/** Values of every kind, right and wrong: first choices, numbers in all spellings, JSON, and what is none of these. */
const VALUES = [
  true,
  false,
  1,
  -1,
  0.5,
  '1.5e3',
  '32k',
  '1.5k',
  '2M',
  '007',
  'None',
  '',
  'auto',
  'x!',
  '--x',
  '{}',
  '[]',
  '{"a": 1}',
  '1 2',
]

function samplesOf({ name, choices }: FlagCatalogue['flags'][number]): Record<string, FlagValue>[] {
  const later = catalogues.flatMap(({ values }) => values[name] ?? [])
  return [...VALUES, ...(choices ?? []), ...later].map((value) => ({ [name]: value }))
}

/** Flags that are checked further before the start: by a file, JSON of their own, another flag or a variable. `model` is an argument, too. */
const NEEDS_MORE = [
  'chat-template',
  'config',
  'cuda-graph-config',
  'data-parallel-multi-port-external-lb',
  'enable-auto-tool-choice',
  'enable-log-outputs',
  'grpc-port',
  'lora-modules',
  'lora-paths',
  'model',
  'sse-keep-alive-interval',
]

function catalogueOf(backend: ParserBackend): FlagCatalogue {
  return catalogues.find((catalogue) => catalogue.backend === backend) ?? missing(backend)
}

test('values that are looked up only after parsing are names that the version knows', () => {
  const versioned = recipes.filter(({ version }) => version !== null)
  const problems = versioned.flatMap((recipe) => {
    const catalogue = catalogues.find(({ backend, version }) => backend === recipe.backend && version === recipe.version) ?? null
    const problem = configurationProblem(engines[recipe.backend], recipe, catalogue)
    return problem === null ? [] : [{ id: recipe.id, ...problem }]
  })
  expect(versioned.length).toBeGreaterThan(100)
  expect(problems).toEqual([])
})

test.each<[ParserBackend, [flags: string[], problem: string][]]>([
  [
    'vllm',
    [
      [['--swap-space', '4'], 'unrecognized arguments: --swap-space 4'],
      [['--tp', '8'], 'unrecognized arguments: --tp 8'],
      [['--block-size', 'x'], 'invalid int value'],
      [['--enable-auto-tool-choice'], 'requires --tool-call-parser'],
      [['--enable-auto-tool-choice', '--tool-call-parser', 'kimi'], "Tool parser 'kimi' not found"],
      [['--reasoning-parser', 'kimi'], "Reasoning parser 'kimi' not found"],
      [['--attention-backend', 'AITER'], 'Unknown attention backend'],
      [['--compilation-config.pass_config.fuse=true'], 'pass_config.fuse'],
    ],
  ],
  [
    'sglang',
    [
      [['--enable-ep-moe'], 'unrecognized arguments: --enable-ep-moe'],
      [['--cuda-graph-max-bs', '8'], 'ambiguous option'],
      [['--kv-cache-dtype', 'fp8'], "invalid choice: 'fp8'"],
      [['--tool-call-parser', 'x'], "invalid choice: 'x'"],
    ],
  ],
])('the check can fail: %s refuses what is wrong', async (backend, wrong) => {
  const argvs = wrong.map(([flags]) => [...BASE[backend], ...flags])
  expect(await judges[backend].judge(argvs)).toEqual(wrong.map(([, problem]) => expect.stringContaining(problem)))
})
