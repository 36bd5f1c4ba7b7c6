import type { Backend, Parallelism } from '../engine.js'
import type { ModelShape, ModelVariant } from '../model.js'
import { expertRanks, kvHeadsPerGpu, layersPerStage, paddedVocab } from '../parallelism.js'

/** Bytes of what stays in 16 bits whatever the weights are kept in: embedding, head, norms, routers. */
const PLAIN_BYTES = 2

/**
 * Bytes of weights on the fullest GPU, from their size on disk. The size is parted by the shape: embedding, head, norms and routers are
 * 16-bit; all other parameters share the rest evenly. Then, as the layers of vLLM 0.32 and SGLang 0.5.23 are built:
 *
 * - embedding and head: cut by TP after padding to 64 rows (`VocabParallelEmbedding`). Tied: once. With PP the first stage has the one, the
 *   last the other; the fullest stage is taken to have one of them and most layers, which is at most a little too much.
 * - norms, routers and the down-projections of MLA: whole on each GPU (`RMSNorm`, `GateLinear`, `ReplicatedLinear`).
 * - keys and values: cut by TP up to the number of KV heads, replicated beyond (`QKVParallelLinear`).
 * - routed experts: cut or, with expert parallelism, spread in whole experts over `expertRanks` GPUs (`determine_expert_map`).
 * - all else: cut by TP. Data parallelism cuts nothing but experts.
 */
export function weightBytesPerGpu(
  shape: ModelShape,
  variant: Pick<ModelVariant, 'weightBytes'>,
  parallel: Parallelism,
  backend: Backend = 'vllm',
): number {
  if (backend === 'llamacpp' || backend === 'custom') return Math.ceil(variant.weightBytes / (parallel.tensor * parallel.pipeline))
  const { tensor, pipeline } = parallel
  const { layers, hidden } = shape
  const stage = layersPerStage(layers, pipeline) / layers
  const table = shape.vocab * hidden
  const tables = table * (shape.tiedEmbeddings ? 1 : 2)
  const norms = layers * 2 * hidden
  const routers = shape.experts === null ? 0 : shape.experts.layers * shape.experts.total * hidden
  const plain = Math.min(PLAIN_BYTES * (tables + norms + routers), variant.weightBytes)
  const cutParameters = Math.max(1, shape.parameters.total - tables - norms - routers)
  const perParameter = (variant.weightBytes - plain) / cutParameters

  const experts = Math.min(shape.parameters.experts, cutParameters)
  const whole = Math.min(downProjections(shape), cutParameters - experts)
  const keyValue = Math.min(keyValueParameters(shape), cutParameters - experts - whole)
  const rest = cutParameters - experts - whole - keyValue

  const padding = paddedVocab(shape.vocab) / shape.vocab
  const tablesHere = plain * (tables / (tables + norms + routers)) * (pipeline === 1 ? 1 : table / tables)
  const plainLayers = plain * ((norms + routers) / (tables + norms + routers))
  const perGpu =
    (tablesHere * padding) / tensor +
    stage * (plainLayers + perParameter * (whole + keyValue * keyValueShare(shape, tensor) + rest / tensor)) +
    perParameter * experts * expertShare(shape, parallel, backend)
  return Math.ceil(perGpu)
}

/** What MLA compresses queries, keys and values with; an uncompressed query is cut by heads like any other. */
function downProjections({ attention, layers, hidden }: ModelShape): number {
  if (attention.kind === 'grouped') return 0
  return layers * hidden * ((attention.queryRank ?? 0) + attention.loraRank + attention.ropeDim)
}

function keyValueParameters({ attention, layers, hidden }: ModelShape): number {
  return attention.kind === 'latent' ? 0 : layers * 2 * hidden * attention.kvHeads * attention.headDim
}

function keyValueShare({ attention }: ModelShape, tensor: number): number {
  return attention.kind === 'latent' ? 0 : kvHeadsPerGpu(attention, tensor) / attention.kvHeads
}

function expertShare({ experts }: ModelShape, parallel: Parallelism, backend: Backend): number {
  if (experts === null) return 0
  const ranks = expertRanks(backend, parallel)
  const stage = layersPerStage(experts.layers, parallel.pipeline) / experts.layers
  return stage * (parallel.expert ? Math.ceil(experts.total / ranks) / experts.total : 1 / ranks)
}
