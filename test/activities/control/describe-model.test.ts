import { expect, test } from 'vitest'
import { describeModel } from '../../../activities/control/describe-model.js'
import type { PinnedModel } from '../../../src/contracts/model.js'
import { fakeHub, fakeRecipes } from '../../support/fakes.js'

const digest = { kind: 'sha256', hex: 'a'.repeat(64) } as const
const model = (files: Record<string, number>): PinnedModel => ({
  repo: 'some/model',
  ref: 'main',
  commit: 'c'.repeat(40),
  files: Object.entries(files).map(([path, size]) => ({ path, size, digest })),
})
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  num_hidden_layers: 2,
  hidden_size: 64,
  intermediate_size: 128,
  vocab_size: 1000,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 2048,
  torch_dtype: 'bfloat16',
}
const hubWith = (text: string) => fakeHub({ readText: async () => text })

test('a model outside the catalogue is read from its own configuration, and weighs what the hub says', async () => {
  const facts = await describeModel(
    { hub: hubWith(JSON.stringify(config)), recipes: fakeRecipes },
    model({ 'config.json': 10, 'model-1.safetensors': 300_000, 'model-2.safetensors': 57_616, 'original/x.safetensors': 999 }),
  )
  expect(facts).toMatchObject({
    repo: 'some/model',
    origin: 'hub',
    unknown: null,
    shape: { layers: 2, attention: { kvHeads: 2, headDim: 16 } },
  })
  expect(facts.variants).toMatchObject([{ repo: 'some/model', precision: 'bf16', weightBytes: 357_616 }])
})

test('what cannot be told is said, and nothing is guessed', async () => {
  const about = (text: string, files: Record<string, number>) => describeModel({ hub: hubWith(text), recipes: fakeRecipes }, model(files))
  expect(await about('{}', { 'model.gguf': 5 })).toMatchObject({
    shape: null,
    variants: [],
    unknown: expect.stringContaining('no safetensors'),
  })
  expect(await about('{}', { 'config.json': 2, 'model.safetensors': 5 })).toMatchObject({ shape: null, unknown: expect.any(String) })
})

test('a configuration that is no JSON is the fault of the hub', async () => {
  const files = { 'config.json': 2, 'model.safetensors': 5 }
  await expect(describeModel({ hub: hubWith('<html>'), recipes: fakeRecipes }, model(files))).rejects.toMatchObject({ code: 'HubProtocol' })
})

test('weights are what the index names; a copy in another format is not counted, and a shard that is missing is told', async () => {
  const shards = { 'model-1.safetensors': 300_000, 'model-2.safetensors': 57_616 }
  const files = { 'config.json': 10, 'model.safetensors.index.json': 10, 'extra.safetensors': 999, ...shards }
  const hub = (index: unknown) => fakeHub({ readText: async (_model, { path }) => JSON.stringify(path === 'config.json' ? config : index) })
  const about = (index: unknown, of: Record<string, number>) => describeModel({ hub: hub(index), recipes: fakeRecipes }, model(of))
  const map = { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-1.safetensors' }
  expect(await about({ weight_map: map }, files)).toMatchObject({ variants: [{ weightBytes: 357_616 }] })
  expect(await about({}, { 'config.json': 10, 'consolidated.safetensors': 357_616, ...shards })).toMatchObject({
    variants: [{ weightBytes: 357_616 }],
  })
  expect(await about({ weight_map: { a: 'model-9.safetensors' } }, files)).toMatchObject({
    shape: null,
    unknown: expect.stringContaining('model-9'),
  })
  expect(await about({ weights: {} }, files)).toMatchObject({ shape: null, unknown: expect.stringContaining('weight_map') })
})
