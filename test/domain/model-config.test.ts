import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { kvBytesPerToken } from '../../src/domain/memory/kv.js'
import { readModelConfig, type ModelConfig } from '../../src/domain/model-config.js'

const ALONE = { tensor: 1, pipeline: 1, data: 1, expert: false }

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 8_192,
  intermediate_size: 28_672,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  num_hidden_layers: 80,
  vocab_size: 128_256,
  max_position_embeddings: 131_072,
  rope_scaling: { factor: 8, rope_type: 'llama3' },
  torch_dtype: 'bfloat16',
}
const LLAMA_BYTES = 141_107_412_992

const DEEPSEEK = {
  architectures: ['DeepseekV3ForCausalLM'],
  auto_map: { AutoConfig: 'configuration_deepseek.DeepseekV3Config' },
  model_type: 'deepseek_v3',
  hidden_size: 7_168,
  intermediate_size: 18_432,
  moe_intermediate_size: 2_048,
  num_hidden_layers: 61,
  first_k_dense_replace: 3,
  moe_layer_freq: 1,
  n_routed_experts: 256,
  n_shared_experts: 1,
  num_experts_per_tok: 8,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  kv_lora_rank: 512,
  q_lora_rank: 1_536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  vocab_size: 129_280,
  max_position_embeddings: 163_840,
  rope_scaling: { factor: 40, original_max_position_embeddings: 4_096, type: 'yarn' },
  quantization_config: { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [128, 128], activation_scheme: 'dynamic' },
  torch_dtype: 'bfloat16',
}

const GPT_OSS = {
  architectures: ['GptOssForCausalLM'],
  model_type: 'gpt_oss',
  hidden_size: 2_880,
  intermediate_size: 2_880,
  head_dim: 64,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  num_hidden_layers: 36,
  num_local_experts: 128,
  num_experts_per_tok: 4,
  sliding_window: 128,
  layer_types: Array.from({ length: 36 }, (_, layer) => (layer % 2 === 0 ? 'sliding_attention' : 'full_attention')),
  max_position_embeddings: 131_072,
  rope_scaling: { rope_type: 'yarn', factor: 32, original_max_position_embeddings: 4_096 },
  vocab_size: 201_088,
  quantization_config: { quant_method: 'mxfp4' },
}

const SCOUT = {
  architectures: ['Llama4ForConditionalGeneration'],
  model_type: 'llama4',
  torch_dtype: 'bfloat16',
  vision_config: { hidden_size: 1_408 },
  text_config: {
    model_type: 'llama4_text',
    hidden_size: 5_120,
    intermediate_size: 8_192,
    intermediate_size_mlp: 16_384,
    num_attention_heads: 40,
    num_key_value_heads: 8,
    head_dim: 128,
    num_hidden_layers: 48,
    num_local_experts: 16,
    num_experts_per_tok: 1,
    interleave_moe_layer_step: 1,
    attention_chunk_size: 8_192,
    no_rope_layers: [],
    vocab_size: 202_048,
    max_position_embeddings: 10_485_760,
  },
}

function known(config: unknown, weightBytes: number): ModelConfig {
  const read = readModelConfig(config, weightBytes)
  if ('unknown' in read) throw new Error(read.unknown)
  return read
}

const reason = (config: unknown, weightBytes = LLAMA_BYTES) => {
  const read = readModelConfig(config, weightBytes)
  return 'unknown' in read ? read.unknown : null
}

/** A small model of some family, 32-bit checked against its own count. */
const small = (change: Record<string, unknown>) => ({
  architectures: ['AnyForCausalLM'],
  model_type: 'any',
  hidden_size: 1_024,
  intermediate_size: 4_096,
  num_attention_heads: 16,
  num_hidden_layers: 12,
  vocab_size: 32_000,
  max_position_embeddings: 32_768,
  torch_dtype: 'bfloat16',
  ...change,
})

/** The shape of it, with weights of about the size that it describes. */
function smallShape(change: Record<string, unknown>) {
  for (const bytes of [2 ** 28, 2 ** 29, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 34]) {
    const read = readModelConfig(small(change), bytes)
    if (!('unknown' in read)) return read
    if (!read.unknown.startsWith('weightBytes')) throw new Error(read.unknown)
  }
  throw new Error('of no size')
}

test('grouped queries: Llama-3.3-70B', () => {
  expect(known(LLAMA, LLAMA_BYTES)).toEqual({
    shape: {
      architecture: 'LlamaForCausalLM',
      layers: 80,
      hidden: 8_192,
      intermediate: 28_672,
      vocab: 128_256,
      attention: { kind: 'grouped', heads: 64, kvHeads: 8, headDim: 128 },
      windowed: null,
      experts: null,
      maxContext: 131_072,
      tiedEmbeddings: false,
      parameters: { total: LLAMA_BYTES / 2, active: LLAMA_BYTES / 2, experts: 0 },
    },
    precision: 'bf16',
    method: null,
    block: null,
    remoteCode: false,
    textOf: null,
    loadedBytes: LLAMA_BYTES,
  })
})

test('latent attention, experts, fp8 in blocks, code of its own: DeepSeek-V3', () => {
  const read = known(DEEPSEEK, 688_586_727_753)
  expect(read).toMatchObject({ precision: 'fp8', method: 'fp8', block: 128, remoteCode: true })
  expect(read.shape).toMatchObject({
    attention: { kind: 'latent', heads: 128, loraRank: 512, ropeDim: 64, queryRank: 1_536 },
    experts: { total: 256, perToken: 8, layers: 58, intermediate: 2_048 },
    maxContext: 163_840,
  })
  expect(kvBytesPerToken(read.shape, ALONE, 2)).toBe(70_272)
  expect(read.shape.parameters.total / 671e9).toBeCloseTo(1, 1)
  expect(read.shape.parameters.active / 37e9).toBeCloseTo(1, 1)
})

test('sliding layers and mxfp4 experts: gpt-oss-120b', () => {
  const read = known(GPT_OSS, 65_248_815_744)
  expect(read).toMatchObject({ precision: 'mxfp4', method: 'mxfp4', block: null })
  expect(read.shape).toMatchObject({
    windowed: { kind: 'sliding', layers: 18, window: 128 },
    experts: { total: 128, perToken: 4, layers: 36, intermediate: 2_880 },
  })
  const { layer_types: _types, ...silent } = GPT_OSS
  expect(known(silent, 65_248_815_744).shape.windowed).toEqual({ kind: 'sliding', layers: 18, window: 128 })
  expect(kvBytesPerToken(read.shape, ALONE, 2)).toBe(36_864)
  expect(read.shape.parameters.total / 116.8e9).toBeCloseTo(1, 1)
})

test('chunked layers and the text part of a model that sees: Llama-4-Scout', () => {
  const read = known(SCOUT, 217_283_587_072)
  expect(read.textOf).toBe('text_config')
  expect(read.shape).toMatchObject({
    architecture: 'Llama4ForConditionalGeneration',
    windowed: { kind: 'chunked', layers: 36, window: 8_192 },
    experts: { total: 16, perToken: 1, layers: 48, intermediate: 8_192 },
    intermediate: 16_384,
  })
  const positions = Array.from({ length: 48 }, (_, layer) => (layer % 4 === 3 ? 0 : 1))
  const named = {
    ...SCOUT,
    text_config: { ...SCOUT.text_config, no_rope_layers: positions, interleave_moe_layer_step: 2, num_local_experts: 32 },
  }
  expect(known(named, 217_283_587_072).shape).toMatchObject({ windowed: { layers: 36 }, experts: { layers: 24 } })
})

test.each([
  ['all heads', {}, 16],
  ['groups', { num_key_value_heads: 4 }, 4],
  ['StarCoder: one for all', { model_type: 'gpt_bigcode', multi_query: true, tie_word_embeddings: true }, 1],
  ['Falcon, old: one for all unless it says no', { model_type: 'falcon' }, 1],
  ['Falcon, old, not multi-query', { model_type: 'falcon', multi_query: false }, 16],
  ['Falcon, new: groups', { model_type: 'falcon', multi_query: true, new_decoder_architecture: true, num_kv_heads: 8 }, 8],
  ['ChatGLM', { model_type: 'chatglm', multi_query_attention: true, multi_query_group_num: 2 }, 2],
  ['MPT and DBRX', { attn_config: { kv_n_heads: 8 } }, 8],
])('KV heads: %s', (_, change, kvHeads) => {
  expect(smallShape(change).shape.attention).toMatchObject({ heads: 16, kvHeads })
})

test('a head is as wide as it says, else its share of the hidden size', () => {
  expect(smallShape({}).shape.attention).toMatchObject({ headDim: 64 })
  expect(smallShape({ head_dim: 128 }).shape.attention).toMatchObject({ headDim: 128 })
  expect(smallShape({ head_dim: null }).shape.attention).toMatchObject({ headDim: 64 })
})

test.each([
  ['Mistral: all layers', { sliding_window: 4_096 }, { kind: 'sliding', layers: 12, window: 4_096 }],
  ['none', { sliding_window: null }, null],
  ['one that no sequence outgrows', { sliding_window: 32_768 }, null],
  ['Qwen: only when it is used', { model_type: 'qwen2', sliding_window: 4_096, max_window_layers: 4 }, null],
  [
    'Qwen: the layers above some',
    { model_type: 'qwen2', sliding_window: 4_096, max_window_layers: 4, use_sliding_window: true },
    { kind: 'sliding', layers: 8, window: 4_096 },
  ],
  ['Gemma 2: every other', { model_type: 'gemma2', sliding_window: 4_096 }, { kind: 'sliding', layers: 6, window: 4_096 }],
  ['Gemma 3: five of six', { model_type: 'gemma3_text', sliding_window: 1_024 }, { kind: 'sliding', layers: 10, window: 1_024 }],
  [
    'Gemma 3 with its pattern',
    { model_type: 'gemma3_text', sliding_window: 1_024, sliding_window_pattern: 4 },
    { kind: 'sliding', layers: 9, window: 1_024 },
  ],
  ['layers by name, all of them full', { sliding_window: 512, layer_types: Array.from({ length: 12 }, () => 'full_attention') }, null],
])('windows: %s', (_, change, windowed) => {
  expect(smallShape(change).shape.windowed).toEqual(windowed)
})

test.each([
  [
    'Mixtral: all layers, as wide as dense ones',
    { num_local_experts: 8, num_experts_per_tok: 2 },
    { total: 8, perToken: 2, layers: 12, intermediate: 4_096 },
  ],
  [
    'Qwen: not the layers it names',
    { num_experts: 60, num_experts_per_tok: 4, moe_intermediate_size: 256, mlp_only_layers: [0, 5], decoder_sparse_step: 1 },
    { total: 60, perToken: 4, layers: 10, intermediate: 256 },
  ],
  [
    'Qwen: every second layer',
    { num_experts: 60, num_experts_per_tok: 4, moe_intermediate_size: 256, decoder_sparse_step: 2 },
    { total: 60, perToken: 4, layers: 6, intermediate: 256 },
  ],
  [
    'Ernie: from one layer to another',
    { moe_num_experts: 64, moe_k: 6, moe_intermediate_size: 256, moe_layer_start_index: 1, moe_layer_end_index: 10, moe_layer_interval: 1 },
    { total: 64, perToken: 6, layers: 10, intermediate: 256 },
  ],
  ['one expert is none', { num_experts: 1 }, null],
])('experts: %s', (_, change, experts) => {
  expect(smallShape(change).shape.experts).toEqual(experts)
})

test.each([
  ['as trained', {}, 32_768],
  ['yarn is in it already', { rope_scaling: { type: 'yarn', factor: 4 } }, 32_768],
  ['linear and dynamic scaling are not', { rope_scaling: { type: 'linear', factor: 4 } }, 131_072],
  ['the newer name', { rope_parameters: { rope_type: 'dynamic', factor: 2 } }, 65_536],
  ['one set for each kind of layer', { rope_parameters: { full_attention: { rope_type: 'linear', factor: 2 } } }, 65_536],
  ['the smallest of several limits', { seq_length: 8_192 }, 8_192],
  ['what vLLM takes when nothing is said', { max_position_embeddings: undefined }, 2_048],
  ['Gemma 3 is scaled already', { model_type: 'gemma3_text', rope_scaling: { type: 'linear', factor: 8 } }, 32_768],
])('context: %s', (_, change, tokens) => {
  expect(smallShape(change).shape.maxContext).toBe(tokens)
})

test('embedding and head are one where the config or the type says so', () => {
  expect(smallShape({}).shape.tiedEmbeddings).toBe(false)
  expect(smallShape({ tie_word_embeddings: true }).shape.tiedEmbeddings).toBe(true)
  expect(smallShape({ model_type: 'gemma2' }).shape.tiedEmbeddings).toBe(true)
  expect(smallShape({ model_type: 'gemma2', tie_word_embeddings: false }).shape.tiedEmbeddings).toBe(false)
})

const FP8 = { num_bits: 8, type: 'float', strategy: 'channel' }
test.each([
  [{ quant_method: 'fp8' }, 'fp8', null],
  [{ quant_method: 'fp8', weight_block_size: [128, 128] }, 'fp8', 128],
  [{ quant_method: 'fbgemm_fp8', activation_scale_ub: 1_200 }, 'fp8', null],
  [{ quant_method: 'compressed-tensors', config_groups: { group_0: { weights: FP8 } } }, 'fp8', null],
  [{ quant_method: 'compressed-tensors', config_groups: { group_0: { weights: { ...FP8, block_structure: [128, 128] } } } }, 'fp8', 128],
  [{ quant_method: 'compressed-tensors', config_groups: { group_0: { weights: { num_bits: 8, type: 'int' } } } }, 'int8', null],
  [{ quant_method: 'compressed-tensors', config_groups: { group_0: { weights: { num_bits: 4, type: 'int' } } } }, 'int4', null],
  [{ quant_method: 'quark', global_quant_config: { weight: { dtype: 'fp8_e4m3' } } }, 'fp8', null],
  [{ quant_method: 'quark', global_quant_config: { weight: { dtype: 'fp4' } } }, 'mxfp4', null],
  [{ quant_method: 'awq', bits: 4, group_size: 128 }, 'int4', null],
  [{ quant_method: 'gptq', bits: 8 }, 'int8', null],
  [{ quant_method: 'modelopt', quant_algo: 'FP8' }, 'fp8', null],
])('precision of %o', (quantization, precision, block) => {
  const read = smallShape({ quantization_config: quantization })
  expect(read).toMatchObject({ precision, method: quantization.quant_method, block })
})

test('32-bit weights are loaded as 16-bit, whether the config says so or only their size', () => {
  const described = smallShape({}).shape.parameters.total
  const { torch_dtype: _dtype, ...silent } = small({})
  const exact = known(small({}), described * 2).shape.parameters.total * 4
  expect(known(small({ torch_dtype: 'float32' }), exact)).toMatchObject({ precision: 'bf16', loadedBytes: exact / 2 })
  expect(known(silent, exact)).toMatchObject({ precision: 'bf16', loadedBytes: exact / 2 })
  expect(known(silent, exact / 2)).toMatchObject({ precision: 'bf16', loadedBytes: exact / 2 })
})

test.each([
  ['an encoder and a decoder', { is_encoder_decoder: true }, /^is_encoder_decoder: /],
  ['an embedding model', { architectures: ['BertModel'] }, /^architectures: BertModel is not known to write text$/],
  ['a classifier', { architectures: ['Qwen2ForSequenceClassification'] }, /^architectures: /],
  ['no architecture', { architectures: [] }, /^architectures names no architecture$/],
  ['a state-space model', { model_type: 'mamba2' }, /^model_type: mamba2 /],
  [
    'layers with linear attention',
    { layer_types: Array.from({ length: 80 }, () => 'linear_attention') },
    /^layer_types: .*"linear_attention"/,
  ],
  ['a sparse index', { index_topk: 2_048 }, /^index_topk: /],
  ['shared caches', { num_kv_shared_layers: 10 }, /^num_kv_shared_layers: /],
  ['a latent cache of an unknown type', { kv_lora_rank: 512 }, /^kv_lora_rank: /],
  ['layers of two attentions', { model_type: 'longcat_flash' }, /^model_type: what each layer of longcat_flash keeps/],
  ['no vocabulary', { vocab_size: undefined }, /^vocab_size is missing$/],
  [
    'heads that do not divide',
    { num_attention_heads: 60, num_key_value_heads: 8, head_dim: 128 },
    /^num_key_value_heads 8 does not divide/,
  ],
  ['layers as a word', { num_hidden_layers: '80' }, /^num_hidden_layers is "80", not a whole number/],
  ['a negative width', { hidden_size: -1 }, /^hidden_size is -1, /],
  ['not a number', { intermediate_size: Number.NaN }, /^intermediate_size is NaN, /],
  ['endless layers', { num_hidden_layers: 1e300 }, /^num_hidden_layers is 1e\+300, /],
  ['more layers than any', { num_hidden_layers: 2 ** 29 }, /^num_hidden_layers is 536870912, more than 10000$/],
  ['a scaling of nothing', { rope_scaling: { type: 'linear', factor: 0 } }, /^rope_scaling\.factor is 0, /],
  ['weights of another model', { num_hidden_layers: 8 }, /^weightBytes: 141107 MB of weights are not the \d+ MB/],
  ['bitsandbytes', { quantization_config: { quant_method: 'bitsandbytes' } }, /quant_method: bitsandbytes is not supported on ROCm$/],
  ['three bits', { quantization_config: { quant_method: 'gptq', bits: 3 } }, /^quantization_config\.bits: gptq with 3 bits/],
  [
    'NVFP4',
    { quantization_config: { quant_method: 'modelopt', quant_algo: 'NVFP4' } },
    /^quantization_config\.quant_algo: NVFP4 is not supported on ROCm$/,
  ],
  ['oblong blocks', { quantization_config: { quant_method: 'fp8', weight_block_size: [128, 64] } }, /^weight_block_size: /],
])('unknown with its reason: %s', (_, change, expected) => {
  expect(reason({ ...LLAMA, ...change })).toMatch(expected)
})

test.each([null, undefined, 'text', 7, [], true])('a config.json of %o is no object', (config) => {
  expect(reason(config)).toMatch(/^config\.json is /)
})

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('weights of %d bytes are no size', (bytes) => {
  expect(reason(LLAMA, bytes)).toMatch(/^weightBytes is /)
})

test('whatever a config holds, it is read or refused with a reason, and what is read are sizes', () => {
  const fields = [...new Set([LLAMA, DEEPSEEK, GPT_OSS, SCOUT, SCOUT.text_config].flatMap((config) => Object.keys(config)))]
  const hostile = fc.oneof(
    fc.constantFrom(
      null,
      undefined,
      0,
      -1,
      1,
      0.5,
      2 ** 31,
      1e308,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '',
      '128',
      'constructor',
      [],
      {},
      true,
    ),
    fc.jsonValue(),
  )
  const change = fc.dictionary(fc.constantFrom(...fields, 'quantization_config', 'attn_config', 'thinker_config', '__proto__'), hostile, {
    maxKeys: 4,
  })
  fc.assert(
    fc.property(fc.constantFrom<object>(LLAMA, DEEPSEEK, GPT_OSS, SCOUT), change, change, (config, outer, inner) => {
      const text = 'text_config' in config ? { text_config: { ...SCOUT.text_config, ...inner } } : inner
      const read = readModelConfig({ ...config, ...text, ...outer }, LLAMA_BYTES)
      const numbers = JSON.stringify(read, (_, value: unknown) =>
        typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 0) ? 'bad' : value,
      )
      expect('unknown' in read ? read.unknown.length > 0 : !numbers.includes('"bad"')).toBe(true)
    }),
    { numRuns: 5_000 },
  )
})
