import type { ModelShape } from '../model.js'
import { count, optionalCount, optionalList, UnknownField, type Fields } from './fields.js'

const TOTAL = ['num_experts', 'moe_num_experts', 'n_routed_experts', 'num_local_experts']
const PER_TOKEN = ['num_experts_per_tok', 'num_experts_per_token', 'top_k_experts', 'moe_topk', 'moe_top_k', 'moe_k', 'experts_per_token']
const WIDTH = ['moe_intermediate_size', 'expert_ffn_hidden_size']

/** Routed experts, and the width of those that every token passes through in the same layers. */
export type ExpertFacts = { experts: ModelShape['experts']; sharedWidth: number }

/** Experts by the names of Mixtral, Qwen, DeepSeek, Llama 4, gpt-oss, Ernie and DBRX; one expert is none. */
export function readExperts(fields: Fields, modelType: string, layers: number, intermediate: number): ExpertFacts {
  const total = optionalCount(fields, TOTAL, 0) ?? 0
  if (total <= 1) return { experts: null, sharedWidth: 0 }
  // Llama 4 routes each token to one expert unless told otherwise, and has one shared expert that its config does not mention.
  const llama4 = modelType.startsWith('llama4')
  const perToken = optionalCount(fields, PER_TOKEN) ?? (llama4 ? 1 : count(fields, PER_TOKEN))
  if (perToken > total) throw new UnknownField(`num_experts_per_tok ${perToken} is more than the ${total} experts`)
  const width = optionalCount(fields, WIDTH, 0) || intermediate
  const expertLayers = countLayers(fields, layers)
  if (expertLayers === 0) return { experts: null, sharedWidth: 0 }
  const shared = optionalCount(fields, ['n_shared_experts', 'num_shared_experts', 'moe_num_shared_experts'], 0) ?? (llama4 ? 1 : 0)
  return {
    experts: { total, perToken, layers: expertLayers, intermediate: width },
    sharedWidth: optionalCount(fields, ['shared_expert_intermediate_size'], 0) ?? shared * width,
  }
}

/** Layers with experts, each by the rule of its family; where there is no rule, all. */
function countLayers(fields: Fields, layers: number): number {
  const chosen = optionalList(fields, 'moe_layers')
  if (chosen !== null && chosen.length > 0) return new Set(chosen.filter((layer) => isLayer(layer, layers))).size
  const dense = new Set((optionalList(fields, 'mlp_only_layers') ?? []).filter((layer) => isLayer(layer, layers)))
  const first = optionalCount(fields, ['first_k_dense_replace', 'moe_layer_start_index'], 0) ?? 0
  const last = optionalCount(fields, ['moe_layer_end_index'], 0) ?? layers - 1
  // DeepSeek counts from layer 0, the others begin at the end of a period.
  const period = optionalCount(fields, ['moe_layer_freq'])
  const step = optionalCount(fields, ['decoder_sparse_step', 'interleave_moe_layer_step', 'moe_layer_interval']) ?? 1
  let found = 0
  for (let layer = first; layer <= Math.min(last, layers - 1); layer++) {
    const due = period === null ? (layer + 1) % step === 0 : layer % period === 0
    if (due && !dense.has(layer)) found++
  }
  return found
}

function isLayer(value: unknown, layers: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < layers
}
