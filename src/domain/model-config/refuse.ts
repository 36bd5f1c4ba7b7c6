import { optionalFlag, present, UnknownField, type Fields } from './fields.js'
import type { TextPart } from './text-part.js'

/** How architectures that write text are named; the rest embed, classify or rank. */
const WRITES_TEXT = /(ForCausalLM(V|2)?|LMHeadModel|ForConditionalGeneration|ChatModel)$/

/** The others in the tables of text-generation and multimodal models of vLLM 0.32 (`models/registry.py`). */
const ALSO_WRITES_TEXT = new Set(['ChatGLMModel', 'MiniCPMV', 'MiniCPMO', 'HfMoondream', 'NVLM_D', 'Ovis', 'Ovis2_5'])

/** Model types whose layers keep a state instead of, or beside, keys and values. */
const STATEFUL =
  /mamba|recurrent|rwkv|ssm|jamba|zamba|bamba|retnet|griffin|lfm2|plamo2|nemotron_h|nemotron-h|falcon_h1|granitemoehybrid|qwen3_next|kimi_linear|minimax_text_01/

/** Model types whose layers keep more, or wider heads, than their config's fields say. */
const UNEVEN = /^(gemma4|diffusion_gemma|longcat_flash)/

/** Fields that say that a layer keeps something else than keys and values of all its heads, and what. */
const OTHER_CACHES: Record<string, string> = {
  mamba_d_state: 'layers that keep a state instead of keys and values',
  ssm_cfg: 'layers that keep a state instead of keys and values',
  state_size: 'layers that keep a state instead of keys and values',
  layers_block_type: 'layers of several kinds',
  hybrid_override_pattern: 'layers of several kinds',
  hybrid_layer_pattern: 'layers of several kinds',
  attn_type_list: 'layers of several kinds',
  block_configs: 'layers that differ from each other',
  linear_attn_config: 'linear attention',
  linear_num_key_heads: 'linear attention',
  index_topk: 'a sparse index with a cache of its own',
  compress_ratios: 'a compressed cache',
  cross_attention_layers: 'layers that attend to an image',
  num_kv_shared_layers: 'layers that share a cache',
  cla_share_factor: 'layers that share a cache',
  global_head_dim: 'heads of several widths',
  num_global_key_value_heads: 'heads that differ between layers',
  swa_num_key_value_heads: 'heads that differ between layers',
  swa_head_dim: 'heads of several widths',
  interleaved_sliding_window: 'windows that differ between layers',
}

/** Refuses, with the field's name, what the formulas of the KV cache do not cover. */
export function refuseOthers(config: Fields, part: TextPart): void {
  const { fields, architecture, modelType } = part
  if (optionalFlag(config, 'is_encoder_decoder') === true) {
    throw new UnknownField('is_encoder_decoder: models with an encoder and a decoder are not planned for')
  }
  if (!WRITES_TEXT.test(architecture) && !ALSO_WRITES_TEXT.has(architecture)) {
    throw new UnknownField(`architectures: ${architecture.slice(0, 80)} is not known to write text`)
  }
  if (STATEFUL.test(modelType)) throw new UnknownField(`model_type: ${modelType.slice(0, 80)} keeps a state beside keys and values`)
  if (UNEVEN.test(modelType)) throw new UnknownField(`model_type: what each layer of ${modelType.slice(0, 80)} keeps is not known`)
  for (const [name, what] of Object.entries(OTHER_CACHES)) {
    const value = present(fields, name)
    if (value !== null && value !== 0 && value !== false && !isPlainAttention(value))
      throw new UnknownField(`${name}: ${what}, for which there is no formula`)
  }
}

/** A list that names each layer, and each as ordinary attention (MiniMax M2). */
function isPlainAttention(value: unknown): boolean {
  return Array.isArray(value) && value.every((layer) => layer === 1 || layer === 'attention')
}
