import type { Attention } from '../model.js'
import { count, optionalCount, optionalFlag, UnknownField, type Fields } from './fields.js'

/** Model types whose latent vector backends keep as it is: vLLM 0.32 `is_deepseek_mla`, without those that mix kinds of layers. */
const LATENT = new Set(['deepseek_v2', 'deepseek_v3', 'kimi_k2', 'glm4_moe_lite', 'pangu_ultra_moe', 'axk1'])

/** Multi-query unless they say otherwise (their configs' own default). */
const MULTI_QUERY = new Set(['gpt_bigcode', 'falcon', 'RefinedWebModel', 'RefinedWeb'])

const KV_HEADS = ['n_head_kv', 'num_kv_heads', 'num_key_value_heads', 'multi_query_group_num', 'num_attention_groups', 'kv_n_heads']

/** How many heads of which width, and parameters of one layer's projections. */
export type AttentionFacts = { attention: Attention; parameters: number }

/** Heads as `ModelArchConfigConvertorBase` of vLLM 0.32 reads them: grouped, multi-query or latent. */
export function readAttention(fields: Fields, modelType: string, hidden: number): AttentionFacts {
  const heads = count(fields, ['num_attention_heads', 'n_head', 'n_heads', 'num_heads'])
  const loraRank = optionalCount(fields, ['kv_lora_rank'])
  if (loraRank !== null) return latent(fields, modelType, hidden, heads, loraRank)

  const headDim = optionalCount(fields, ['head_dim', 'hidden_size_per_head', 'kv_channels', 'attention_head_dim'], 0) || hidden / heads
  if (!Number.isInteger(headDim)) throw new UnknownField(`hidden_size ${hidden} is no multiple of num_attention_heads ${heads}`)
  const valueDim = optionalCount(fields, ['v_head_dim'])
  if (valueDim !== null && valueDim !== headDim)
    throw new UnknownField(`v_head_dim: values of another width than keys, for which there is no formula`)
  const kvHeads = readKvHeads(fields, modelType, heads)
  return { attention: { kind: 'grouped', heads, kvHeads, headDim }, parameters: 2 * hidden * (heads + kvHeads) * headDim }
}

function readKvHeads(fields: Fields, modelType: string, heads: number): number {
  const multiQuery = optionalFlag(fields, 'multi_query') ?? MULTI_QUERY.has(modelType)
  // Falcon's new architecture ignores `multi_query`; ChatGLM has it with groups.
  const groups = optionalFlag(fields, 'new_decoder_architecture') === true || optionalCount(fields, ['multi_query_group_num']) !== null
  if (multiQuery && !groups) return 1
  const kvHeads = optionalCount(fields, KV_HEADS) ?? heads
  if (heads % kvHeads !== 0) throw new UnknownField(`num_key_value_heads ${kvHeads} does not divide num_attention_heads ${heads}`)
  return kvHeads
}

function latent(fields: Fields, modelType: string, hidden: number, heads: number, loraRank: number): AttentionFacts {
  if (!LATENT.has(modelType))
    throw new UnknownField(`kv_lora_rank: how ${modelType || 'this model type'} keeps its latent vector is not known`)
  const ropeDim = count(fields, ['qk_rope_head_dim'])
  const plainDim = count(fields, ['qk_nope_head_dim'])
  const valueDim = count(fields, ['v_head_dim'])
  const queryRank = optionalCount(fields, ['q_lora_rank'])
  const query = heads * (plainDim + ropeDim) * (queryRank ?? hidden) + (queryRank ?? 0) * hidden
  const keyValue = hidden * (loraRank + ropeDim) + loraRank * heads * (plainDim + valueDim)
  return { attention: { kind: 'latent', heads, loraRank, ropeDim, queryRank }, parameters: query + keyValue + heads * valueDim * hidden }
}
