import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { RULES } from '../../src/domain/derive/rules.js'
import { deriveRecipes, recipesFor } from '../../src/domain/derive-recipes.js'
import type { Card } from '../../src/domain/hardware.js'
import type { ModelFacts, ModelShape, ModelVariant } from '../../src/domain/model.js'
import { parallelismProblem } from '../../src/domain/parallelism.js'
import type { Recipe } from '../../src/domain/recipe.js'

const GiB = 2 ** 30

const dense: ModelShape = {
  architecture: 'LlamaForCausalLM',
  layers: 32,
  hidden: 4096,
  intermediate: 14336,
  vocab: 128256,
  attention: { kind: 'grouped', heads: 32, kvHeads: 8, headDim: 128 },
  windowed: null,
  experts: null,
  maxContext: 131072,
  tiedEmbeddings: false,
  parameters: { total: 8e9, active: 8e9, experts: 0 },
}
const latent: ModelShape = {
  ...dense,
  architecture: 'DeepseekV3ForCausalLM',
  layers: 61,
  intermediate: 18432,
  attention: { kind: 'latent', heads: 128, loraRank: 512, ropeDim: 64, queryRank: 1536 },
  experts: { total: 256, perToken: 8, layers: 58, intermediate: 2048 },
}

const variant = (changes: Partial<ModelVariant> = {}): ModelVariant => ({
  repo: 'org/model',
  precision: 'bf16',
  method: null,
  block: null,
  weightBytes: 16e9,
  gated: false,
  cards: null,
  ...changes,
})

const facts = (changes: Partial<ModelFacts> = {}): ModelFacts => ({
  repo: 'org/model',
  shape: dense,
  unknown: null,
  variants: [variant()],
  files: null,
  parsers: {},
  remoteCode: false,
  origin: 'catalogue',
  ...changes,
})

const card = (name: string, arch: string, vramGiB: number, fp8: Card['fp8']): Card => ({
  name,
  arch,
  deviceIds: [],
  vramBytes: vramGiB * GiB,
  bandwidth: null,
  flops: {},
  linkBandwidth: null,
  watts: null,
  fp8,
  mxfp4: false,
})
const MI210 = card('MI210', 'gfx90a', 64, null)
const MI300X = card('MI300X', 'gfx942', 192, 'fnuz')
const RX7900 = card('RX 7900 XTX', 'gfx1100', 24, null)

const find = (recipes: Recipe[], id: string): Recipe => {
  const recipe = recipes.find((each) => each.id === id)
  if (recipe === undefined) throw new Error(`${id} is not among ${recipes.map((each) => each.id).join(' ')}`)
  return recipe
}

describe('which recipes are derived', () => {
  test('every number of GPUs, backend and objective, named by what they are for', () => {
    const recipes = deriveRecipes(facts(), [RX7900])
    expect(recipes.map(({ id }) => id)).toEqual(
      ['vllm', 'sglang'].flatMap((backend) =>
        [1, 2, 4, 8].flatMap((count) =>
          ['latency', 'throughput'].map((objective) => `derived/org/model/rx-7900-xtx-${count}-bf16-${backend}-${objective}`),
        ),
      ),
    )
    for (const { parallel, hardware, origin, source } of recipes) {
      expect(hardware).toMatchObject({ kind: 'gpu', count: parallel.tensor * parallel.pipeline * parallel.data, cards: ['RX 7900 XTX'] })
      expect(origin).toBe('derived')
      expect(source).toContain('0007-derived-recipes')
    }
  })

  test('fp8 only on cards that compute it, and a variant only on the cards it was made for', () => {
    const fp8 = variant({ repo: 'org/model-fp8', precision: 'fp8' })
    const special = variant({ repo: 'org/model-fp4', precision: 'mxfp4', cards: ['MI355X'] })
    const recipes = deriveRecipes(facts({ variants: [fp8, special] }), [MI210, MI300X, RX7900])
    expect(new Set(recipes.map(({ hardware }) => (hardware.kind === 'gpu' ? hardware.cards.join() : 'cpu')))).toEqual(new Set(['MI300X']))
    expect(new Set(recipes.map(({ model }) => model))).toEqual(new Set(['org/model-fp8']))
  })

  test('28 heads are never cut into 8', () => {
    const shape: ModelShape = { ...dense, attention: { kind: 'grouped', heads: 28, kvHeads: 4, headDim: 128 } }
    const recipes = deriveRecipes(facts({ shape }), [MI300X])
    expect(recipes.some(({ id }) => id.endsWith('mi300x-8-bf16-vllm-latency'))).toBe(false)
    for (const { parallel, backend } of recipes) expect(parallelismProblem(shape, null, parallel, backend)).toBeNull()
    // Eight copies cut nothing.
    expect(find(recipes, 'derived/org/model/mi300x-8-bf16-vllm-throughput').parallel).toMatchObject({ tensor: 1, data: 8 })
  })

  test('a model of unknown shape, or of GGUF files alone, has none', () => {
    expect(deriveRecipes(facts({ shape: null, unknown: 'no config.json' }), [MI300X])).toEqual([])
    expect(deriveRecipes(facts({ variants: [] }), [MI300X])).toEqual([])
  })

  test('the same model gives the same list, byte for byte', () => {
    const once = JSON.stringify(deriveRecipes(facts(), [MI210, MI300X]))
    expect(JSON.stringify(deriveRecipes(facts(), [MI210, MI300X]))).toBe(once)
  })
})

describe('how the GPUs are used', () => {
  test('latency cuts the model over all of them', () => {
    const recipe = find(deriveRecipes(facts(), [MI300X]), 'derived/org/model/mi300x-8-bf16-vllm-latency')
    expect(recipe.parallel).toEqual({ tensor: 8, pipeline: 1, data: 1, expert: false })
  })

  test('throughput cuts a dense model only until a copy leaves half of the memory free, and copies it', () => {
    const small = deriveRecipes(facts(), [MI300X])
    expect(find(small, 'derived/org/model/mi300x-8-bf16-vllm-throughput').parallel).toMatchObject({ tensor: 1, data: 8 })
    const large = deriveRecipes(facts({ variants: [variant({ weightBytes: 141e9 })] }), [MI300X])
    expect(find(large, 'derived/org/model/mi300x-8-bf16-vllm-throughput').parallel).toMatchObject({ tensor: 2, data: 4 })
    expect(find(large, 'derived/org/model/mi300x-1-bf16-vllm-throughput').parallel).toMatchObject({ tensor: 1, data: 1 })
  })

  test('experts with latent attention are spread for throughput and cut for latency', () => {
    const deepseek = facts({ shape: latent, variants: [variant({ precision: 'fp8', block: 128, weightBytes: 671e9 })] })
    const recipes = deriveRecipes(deepseek, [MI300X])
    expect(find(recipes, 'derived/org/model/mi300x-8-fp8-vllm-throughput').parallel).toEqual({
      tensor: 8,
      pipeline: 1,
      data: 1,
      expert: true,
    })
    expect(find(recipes, 'derived/org/model/mi300x-8-fp8-vllm-latency').parallel.expert).toBe(false)
  })

  test('experts whose blocks cannot be cut are spread, or the combination is left out', () => {
    const shape: ModelShape = {
      ...dense,
      architecture: 'Qwen3MoeForCausalLM',
      attention: { kind: 'grouped', heads: 64, kvHeads: 4, headDim: 128 },
      experts: { total: 128, perToken: 8, layers: 32, intermediate: 1536 },
    }
    const recipes = deriveRecipes(facts({ shape, variants: [variant({ precision: 'fp8', block: 128 })] }), [MI300X])
    expect(find(recipes, 'derived/org/model/mi300x-4-fp8-vllm-latency').parallel.expert).toBe(false)
    expect(find(recipes, 'derived/org/model/mi300x-8-fp8-vllm-latency').parallel).toMatchObject({ tensor: 8, expert: true })
  })
})

describe('settings by the rule', () => {
  test('AITER on the cards it is made for, Triton on the others', () => {
    const recipes = deriveRecipes(facts(), [MI210, MI300X, RX7900])
    expect(find(recipes, 'derived/org/model/mi300x-1-bf16-vllm-latency').env).toMatchObject({ VLLM_ROCM_USE_AITER: '1' })
    expect(find(recipes, 'derived/org/model/mi300x-1-bf16-sglang-latency')).toMatchObject({
      settings: { attentionBackend: 'aiter' },
      env: { SGLANG_USE_AITER: '1' },
    })
    for (const name of ['mi210', 'rx-7900-xtx']) {
      const vllm = find(recipes, `derived/org/model/${name}-1-bf16-vllm-latency`)
      expect(vllm.env).not.toHaveProperty('VLLM_ROCM_USE_AITER')
      expect(vllm.settings.attentionBackend).toBe('TRITON_ATTN')
      const sglang = find(recipes, `derived/org/model/${name}-1-bf16-sglang-latency`)
      expect(sglang.settings.attentionBackend).toBe('triton')
      expect(sglang.env).toMatchObject({ SGLANG_USE_AITER: 'false' })
    }
  })

  test('latent attention with AITER takes blocks of one token', () => {
    const recipes = deriveRecipes(facts({ shape: latent }), [MI210, MI300X])
    expect(find(recipes, 'derived/org/model/mi300x-8-bf16-vllm-latency').args).toMatchObject({ 'block-size': 1 })
    const without = find(recipes, 'derived/org/model/mi210-8-bf16-vllm-latency')
    expect(without.args).not.toHaveProperty('block-size')
    expect(without.settings.attentionBackend).toBe('TRITON_MLA')
    expect(find(recipes, 'derived/org/model/mi300x-8-bf16-sglang-latency').args).not.toHaveProperty('block-size')
  })

  test('gpt-oss takes the attention that AMD publishes for it', () => {
    const recipes = deriveRecipes(facts({ shape: { ...dense, architecture: 'GptOssForCausalLM' } }), [MI300X])
    const { settings, args } = find(recipes, 'derived/org/model/mi300x-1-bf16-vllm-latency')
    expect(settings.attentionBackend).toBe('ROCM_AITER_UNIFIED_ATTN')
    expect(args).toMatchObject({ 'block-size': 64 })
  })

  test('throughput takes more tokens and requests into a step than latency', () => {
    for (const each of [MI210, MI300X]) {
      const recipes = deriveRecipes(facts(), [each])
      const of = (objective: string) => find(recipes, `derived/org/model/${each.name.toLowerCase()}-1-bf16-vllm-${objective}`).settings
      expect(of('throughput').maxBatchedTokens).toBeGreaterThan(of('latency').maxBatchedTokens ?? Infinity)
      expect(of('throughput').maxSequences ?? Infinity).toBeGreaterThan(of('latency').maxSequences ?? Infinity)
    }
  })

  test('an fp8 KV cache only where the repository carries its scales', () => {
    const scaled = variant({ repo: 'amd/Model-FP8-KV', precision: 'fp8' })
    const recipes = deriveRecipes(facts({ variants: [scaled, variant({ repo: 'org/Model-FP8', precision: 'fp8' })] }), [MI300X])
    for (const { model, settings } of recipes) expect(settings.kvDtype).toBe(model === 'amd/Model-FP8-KV' ? 'fp8' : undefined)
  })

  test('weights that load for many minutes get the time', () => {
    const recipes = deriveRecipes(facts({ variants: [variant({ weightBytes: 810e9 })] }), [MI300X])
    expect(find(recipes, 'derived/org/model/mi300x-8-bf16-vllm-latency').env).toHaveProperty('VLLM_ENGINE_READY_TIMEOUT_S')
    expect(find(deriveRecipes(facts(), [MI300X]), 'derived/org/model/mi300x-8-bf16-vllm-latency').env).not.toHaveProperty(
      'VLLM_ENGINE_READY_TIMEOUT_S',
    )
  })

  test('parsers of the model for each backend, and its own code where it needs it', () => {
    const parsers = { vllm: { tools: 'hermes', reasoning: null }, sglang: { tools: 'qwen', reasoning: 'qwen3' } }
    const recipes = deriveRecipes(facts({ parsers, remoteCode: true }), [MI300X])
    const vllm = find(recipes, 'derived/org/model/mi300x-1-bf16-vllm-latency').settings
    expect(vllm).toMatchObject({ toolParser: 'hermes', trustRemoteCode: true })
    expect(vllm).not.toHaveProperty('reasoningParser')
    expect(find(recipes, 'derived/org/model/mi300x-1-bf16-sglang-latency').settings).toMatchObject({
      toolParser: 'qwen',
      reasoningParser: 'qwen3',
    })
    expect(deriveRecipes(facts(), [MI300X])[0]?.settings).not.toHaveProperty('trustRemoteCode')
  })
})

describe('recipes for a model', () => {
  const written = (id: string, model: string): Recipe => ({ ...(deriveRecipes(facts(), [MI300X])[0] as Recipe), id, model, origin: 'user' })

  test('are those of any of its repositories, those for any model, and derived ones', () => {
    const model = facts({ variants: [variant(), variant({ repo: 'org/Model-FP8', precision: 'fp8' })] })
    const authored = [written('a', 'Org/Model'), written('b', 'org/model-fp8'), written('c', '*'), written('d', 'org/other')]
    const recipes = recipesFor(model, authored, [MI300X])
    expect(recipes.filter(({ origin }) => origin === 'user').map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(recipes.filter(({ origin }) => origin === 'derived')).toEqual(deriveRecipes(model, [MI300X]))
  })

  test('a file takes the place of the derived recipe of its id', () => {
    const id = 'derived/org/model/mi300x-1-bf16-vllm-latency'
    const recipes = recipesFor(facts(), [written(id, 'org/model')], [MI300X]).filter((recipe) => recipe.id === id)
    expect(recipes.map(({ origin }) => origin)).toEqual(['user'])
  })
})

test('the decision record tells every setting, flag and variable of the rule', () => {
  const record = readFileSync('docs/decisions/0007-derived-recipes.md', 'utf8')
  const told = (name: string, value: string | number | boolean): boolean =>
    [`${name}=${value}`, `${name} ${value}`, `\`${name}\``, `\`${value}\``, Number(value).toLocaleString('en')].some((words) =>
      record.includes(words),
    )
  const said = RULES.flatMap(({ settings, args, env }) => Object.entries({ ...settings, ...args, ...env }))
  expect(said.length).toBeGreaterThan(25)
  expect(said.filter(([name, value]) => name !== 'kvDtype' && !told(name, value))).toEqual([])
})
