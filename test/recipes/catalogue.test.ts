import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { CatalogueFile, type CatalogueModel } from '../../src/contracts/catalogue-file.js'
import { FlagCatalogue } from '../../src/contracts/flag-catalogue.js'
import { cardsOf, HardwareFile } from '../../src/contracts/hardware-file.js'
import { canCompute, type Precision } from '../../src/domain/hardware.js'
import type { ModelShape } from '../../src/domain/model.js'

const recipes = join(import.meta.dirname, '../../recipes')
const yaml = (path: string): unknown => parse(readFileSync(join(recipes, path), 'utf8'))
const engine = (name: string) => FlagCatalogue.parse(JSON.parse(readFileSync(join(recipes, 'engines', name), 'utf8')))

const files = readdirSync(join(recipes, 'models'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.yaml'))
/** By main repository, which is the path of the file. */
const models = new Map(
  files.map((path) => [path.replace(/\.yaml$/, '').replaceAll(sep, '/'), CatalogueFile.parse(yaml(join('models', path)))] as const),
)
const cards = cardsOf(HardwareFile.parse(yaml('hardware.yaml')))
const each = [...models]

const variants = each.flatMap(([, model]) => model.variants)

function model(repo: string): CatalogueModel {
  return known(models.get(repo), repo)
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

/** Bytes of 16-bit KV that one token costs all layers together, as if none had a window. */
function kvBytes({ layers, attention }: ModelShape): number {
  return attention.kind === 'latent'
    ? layers * (attention.loraRank + attention.ropeDim) * 2
    : layers * 2 * attention.kvHeads * attention.headDim * 2
}

test('every file lies at the path of its main repository', () => {
  for (const [repo, entry] of models) expect(entry.variants[0]?.repo).toBe(repo)
})

test('a repository is in one model', () => {
  const repos = variants.map(({ repo }) => repo.toLowerCase())
  expect(repos.filter((repo, index) => repos.indexOf(repo) !== index)).toEqual([])
})

describe('KV bytes per token', () => {
  test.each([
    ['deepseek-ai/DeepSeek-R1', 70_272],
    ['deepseek-ai/DeepSeek-V3', 70_272],
    ['meta-llama/Llama-3.1-405B-Instruct', 516_096],
    ['meta-llama/Llama-3.3-70B-Instruct', 327_680],
    ['Qwen/Qwen3-32B', 262_144],
    ['Qwen/Qwen3-235B-A22B', 192_512],
    ['mistralai/Mixtral-8x22B-Instruct-v0.1', 229_376],
    ['moonshotai/Kimi-K2-Instruct', 70_272],
    ['Qwen/Qwen2.5-7B-Instruct', 57_344],
    ['Qwen/Qwen3-8B', 147_456],
  ])('%s: %i', (repo, bytes) => {
    const { shape } = model(repo)
    expect(shape.windowed).toBeNull()
    expect(kvBytes(shape)).toBe(bytes)
  })

  // The bound is of all layers; those with a window stop at its size, so a long sequence grows by the rest only.
  test.each([
    ['openai/gpt-oss-120b', 73_728, 36_864, { kind: 'sliding', layers: 18, window: 128 }],
    ['openai/gpt-oss-20b', 49_152, 24_576, { kind: 'sliding', layers: 12, window: 128 }],
    ['meta-llama/Llama-4-Maverick-17B-128E-Instruct', 196_608, 49_152, { kind: 'chunked', layers: 36, window: 8192 }],
    ['meta-llama/Llama-4-Scout-17B-16E-Instruct', 196_608, 49_152, { kind: 'chunked', layers: 36, window: 8192 }],
  ])('%s: at most %i, %i once the windows are full', (repo, bound, growth, windowed) => {
    const { shape } = model(repo)
    expect(shape.windowed).toEqual(windowed)
    expect(kvBytes(shape)).toBe(bound)
    expect((kvBytes(shape) / shape.layers) * (shape.layers - windowed.layers)).toBe(growth)
  })
})

/** Width of the expert that every token passes beside the routed ones. `ModelShape` has no field for it. */
const SHARED_EXPERT: Partial<Record<string, number>> = {
  DeepseekV3ForCausalLM: 2048,
  Glm4MoeForCausalLM: 1536,
  Llama4ForConditionalGeneration: 8192,
}
/** What Llama 4 loads beside its text layers. */
const VISION: Partial<Record<string, number>> = { Llama4ForConditionalGeneration: 871_932_416 }
/** MLA of DeepSeek-V3 and Kimi-K2: parts of a head without position, of the query and key, and of the value. */
const MLA = { nope: 128, value: 128 }

function attentionParameters({ hidden, attention }: ModelShape): number {
  if (attention.kind === 'grouped') return hidden * attention.headDim * (2 * attention.heads + 2 * attention.kvHeads)
  const { heads, loraRank, ropeDim, queryRank } = attention
  const query = (queryRank === null ? hidden : queryRank) * heads * (MLA.nope + ropeDim) + (queryRank ?? 0) * hidden
  return query + hidden * (loraRank + ropeDim) + loraRank * heads * (MLA.nope + MLA.value) + heads * MLA.value * hidden
}

/** Parameters of the shape's matrices. Left out: norms, biases, routers; together below 0.1 % in every model here. */
function parametersOf(shape: ModelShape): { total: number; experts: number } {
  const { layers, hidden, intermediate, vocab, architecture } = shape
  const routed = shape.experts ?? { total: 0, perToken: 0, layers: 0, intermediate: 0 }
  const experts = routed.layers * routed.total * 3 * hidden * routed.intermediate
  const shared = routed.layers * 3 * hidden * (SHARED_EXPERT[architecture] ?? 0)
  const dense = (layers - routed.layers) * 3 * hidden * intermediate
  const embeddings = vocab * hidden * (shape.tiedEmbeddings ? 1 : 2)
  return { experts, total: embeddings + layers * attentionParameters(shape) + dense + experts + shared + (VISION[architecture] ?? 0) }
}

describe('parameters follow from the shape', () => {
  test.each(each)('%s', (_, { shape }) => {
    const { total, experts } = parametersOf(shape)
    expect(shape.parameters.experts).toBe(experts)
    expect(Math.abs(shape.parameters.total / total - 1)).toBeLessThan(0.001)
  })

  // gpt-oss publishes its active parameters without the input embedding, the others with it; both are what their makers say.
  test.each(each)('%s: one token passes all but the idle experts', (_, { shape }) => {
    const { vocab, hidden, architecture, parameters } = shape
    const idle = shape.experts === null ? 0 : parameters.experts * (1 - shape.experts.perToken / shape.experts.total)
    const most = parameters.total - idle - (VISION[architecture] ?? 0)
    expect(parameters.active).toBeLessThanOrEqual(most)
    expect(parameters.active).toBeGreaterThan((most - vocab * hidden) * 0.99)
  })

  test.each([
    ['deepseek-ai/DeepSeek-R1', 671, 37],
    ['meta-llama/Llama-4-Maverick-17B-128E-Instruct', 402, 17],
    ['meta-llama/Llama-4-Scout-17B-16E-Instruct', 109, 17],
    ['Qwen/Qwen3-235B-A22B', 235, 22],
    ['openai/gpt-oss-120b', 117, 5.1],
    ['openai/gpt-oss-20b', 21, 3.6],
    ['moonshotai/Kimi-K2-Instruct', 1026, 32],
    ['Qwen/Qwen3-30B-A3B', 30.5, 3.3],
  ])('%s is the published %d billion, %d active', (repo, total, active) => {
    const { parameters } = model(repo).shape
    expect(Math.abs(parameters.total / 1e9 / total - 1)).toBeLessThan(0.01)
    expect(Math.abs(parameters.active / 1e9 / active - 1)).toBeLessThan(0.03)
  })
})

/** Bits on disk for each parameter but embeddings and head, scales and 16-bit parts with them, and what DeepSeek and GLM keep to speculate. */
const BITS: Record<Precision, [least: number, most: number]> = {
  bf16: [16, 16.3],
  fp8: [8, 8.3],
  int8: [8, 8.3],
  int4: [4.1, 4.6],
  mxfp4: [4.2, 4.7],
}

function bitsOfWeight({ vocab, hidden, tiedEmbeddings, parameters }: ModelShape, weightBytes: number): number {
  const embeddings = vocab * hidden * (tiedEmbeddings ? 1 : 2)
  return (8 * (weightBytes - 2 * embeddings)) / (parameters.total - embeddings)
}

describe('variants', () => {
  test.each(each.flatMap(([, { shape, variants: all }]) => all.map((variant) => [variant.repo, shape, variant] as const)))(
    '%s weighs what its precision says',
    (_, shape, { precision, weightBytes }) => {
      const [least, most] = BITS[precision]
      expect(bitsOfWeight(shape, weightBytes)).toBeGreaterThanOrEqual(least)
      expect(bitsOfWeight(shape, weightBytes)).toBeLessThan(most)
    },
  )

  test('are for cards of the hardware table that can compute them', () => {
    const wanted = variants.flatMap(({ precision, cards: names }) => (names ?? []).map((name) => ({ precision, name })))
    const unfit = wanted.filter(
      ({ precision, name }) =>
        !canCompute(
          known(
            cards.find((card) => card.name === name),
            name,
          ),
          precision,
        ),
    )
    expect(wanted.length).toBeGreaterThan(0)
    expect(unfit).toEqual([])
  })

  test('of AMD in mxfp4 are for CDNA 4 alone; those of OpenAI run anywhere', () => {
    const mxfp4 = variants.filter(({ precision }) => precision === 'mxfp4')
    const native = cards.filter(({ mxfp4: inHardware }) => inHardware).map(({ name }) => name)
    for (const { repo, cards: wanted } of mxfp4) expect(wanted, repo).toEqual(repo.startsWith('amd/') ? native : null)
    expect(mxfp4.length).toBeGreaterThan(5)
  })

  test('of Meta and Mistral are gated, as their models are', () => {
    const isGated = (repo: string): boolean => /^(?:meta-llama|mistralai)\//.test(repo)
    for (const [repo, { licence }] of models) expect(licence.gated, repo).toBe(isGated(repo))
    for (const { repo, gated } of variants) expect(gated, repo).toBe(isGated(repo))
  })

  test('in blocks have widths that blocks divide', () => {
    const blocks = each.flatMap(([repo, { shape, variants: all }]) => all.map(({ block }) => ({ repo, shape, block: block ?? 1 })))
    const uneven = blocks.filter(({ shape, block }) => shape.hidden % block !== 0 || (shape.experts ?? shape).intermediate % block !== 0)
    expect(blocks.filter(({ block }) => block === 128).length).toBeGreaterThan(5)
    expect(uneven.map(({ repo }) => repo)).toEqual([])
  })

  test('name a method that vLLM has on ROCm, or are plain 16-bit weights', () => {
    const methods = known(engine('vllm-0.32.0.json').values['quantization'], 'list of methods')
    const unnamed = variants.filter(({ precision, method }) => (method === null ? precision !== 'bf16' : !methods.includes(method)))
    expect(unnamed).toEqual([])
  })
})

/** All values of a flag, whether the parser itself or only the engine behind it knows them. */
function valuesOf({ flags, values }: FlagCatalogue, name: string): string[] {
  return known(flags.find((flag) => flag.name === name)?.choices ?? values[name], name)
}

describe.each(['vllm', 'sglang'] as const)('parsers of %s', (backend) => {
  const catalogue = engine({ vllm: 'vllm-0.32.0.json', sglang: 'sglang-0.5.23.json' }[backend])

  test.each([
    ['tools', 'tool-call-parser'],
    ['reasoning', 'reasoning-parser'],
  ] as const)('%s are registered under that name', (kind, flag) => {
    const registered = valuesOf(catalogue, flag)
    const unknown = each.flatMap(([repo, { parsers }]) => {
      const name = parsers[backend][kind]
      return name === null || registered.includes(name) ? [] : [`${repo}: ${name}`]
    })
    expect(unknown).toEqual([])
  })
})

test('only Kimi-K2 asks for its own code, for its tokenizer', () => {
  expect(each.filter(([, { remoteCode }]) => remoteCode).map(([repo]) => repo)).toEqual(['moonshotai/Kimi-K2-Instruct'])
})
