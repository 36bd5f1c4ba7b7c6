import type { Backend, Parallelism } from './engine.js'
import type { ModelShape } from './model.js'

/** Rows of the embedding are padded to a multiple of this before they are cut. vLLM 0.32 and SGLang 0.5.23: `DEFAULT_VOCAB_PADDING_SIZE`. */
const VOCAB_PADDING = 64

/** GPUs of one replica. */
export function gpusOf(parallel: Parallelism): number {
  return parallel.tensor * parallel.pipeline * parallel.data
}

/** Rows of the embedding table as it is kept in memory. */
export function paddedVocab(vocab: number): number {
  return Math.ceil(vocab / VOCAB_PADDING) * VOCAB_PADDING
}

/**
 * GPUs that share each layer's routed experts, cut or spread. vLLM flattens data parallelism into it (0.32
 * `FusedMoEParallelConfig.flatten_tp_across_dp_and_pcp`); replicas of SGLang's data parallelism keep all experts each.
 */
export function expertRanks(backend: Backend, { tensor, data }: Parallelism): number {
  return backend === 'vllm' ? tensor * data : tensor
}

/** KV heads that one GPU keeps; more ranks than heads replicate them. Both backends: `max(1, kv_heads // tp)`. A latent vector counts as one. */
export function kvHeadsPerGpu(attention: ModelShape['attention'], tensor: number): number {
  return attention.kind === 'latent' ? 1 : Math.max(1, Math.floor(attention.kvHeads / tensor))
}

/** Layers of the pipeline stage that has most: what is left over goes to single stages (vLLM 0.32 `get_pp_indices`). */
export function layersPerStage(layers: number, pipeline: number): number {
  return Math.ceil(layers / pipeline)
}

/**
 * Why a model of this shape cannot be spread like that; null when it can. `block` is the side of the blocks that share one scale (see
 * `ModelVariant`). Sources, vLLM 0.32: `ModelConfig.verify_with_parallel_config` (heads), `QKVParallelLinear` (KV heads),
 * `VocabParallelEmbedding` and `MergedColumnParallelLinear` (`divide`), `validate_fp8_block_shape` and `validate_fp8_block_shape_moe`; SGLang
 * 0.5.23 has the same in `layers/linear.py` and `layers/quantization/fp8.py`. llama.cpp cuts by layers or rows as it likes; of a custom
 * command nothing is known.
 *
 * @example "tensor parallel 8 does not divide 28 attention heads"
 */
export function parallelismProblem(shape: ModelShape, block: number | null, parallel: Parallelism, backend: Backend): string | null {
  const { tensor, pipeline, expert } = parallel
  if (backend === 'llamacpp' || backend === 'custom') return null
  if (pipeline > shape.layers) return `pipeline parallel ${pipeline} is more than the ${shape.layers} layers`
  if (expert && shape.experts === null) return 'expert parallel needs a model with routed experts'
  return headProblem(shape, tensor) ?? widthProblem(shape, parallel, backend) ?? blockProblem(shape, block, parallel, backend)
}

function headProblem({ attention }: ModelShape, tensor: number): string | null {
  if (attention.heads % tensor !== 0) return `tensor parallel ${tensor} does not divide ${attention.heads} attention heads`
  if (attention.kind === 'latent') return null
  const { kvHeads } = attention
  if (kvHeads % tensor === 0 || tensor % kvHeads === 0) return null
  return `tensor parallel ${tensor} neither divides ${kvHeads} KV heads nor is a multiple of them`
}

function widthProblem(shape: ModelShape, parallel: Parallelism, backend: Backend): string | null {
  const { tensor, expert } = parallel
  const { experts } = shape
  const vocab = paddedVocab(shape.vocab)
  if (vocab % tensor !== 0) return `tensor parallel ${tensor} does not divide the vocabulary of ${vocab} (padded)`
  if (hasDenseLayers(shape) && shape.intermediate % tensor !== 0) {
    return `tensor parallel ${tensor} does not divide the feed-forward width ${shape.intermediate}`
  }
  if (experts === null) return null
  const ranks = expertRanks(backend, parallel)
  if (expert) return experts.total < ranks ? `expert parallel over ${ranks} GPUs is more than the ${experts.total} experts` : null
  return experts.intermediate % ranks === 0 ? null : `${ranks} GPUs do not divide the expert width ${experts.intermediate}`
}

/**
 * Each cut width must hold whole blocks. vLLM 0.32 can load experts otherwise by finer scales, but then leaves AMD's own kernels
 * (`refine_fp8_moe_block_shape`) and earlier releases refuse; what vLLM publishes for Qwen3-235B FP8 is the rule here.
 */
function blockProblem(shape: ModelShape, block: number | null, parallel: Parallelism, backend: Backend): string | null {
  if (block === null) return null
  const { tensor, expert } = parallel
  const { attention, experts } = shape
  const cut: [name: string, width: number, ranks: number][] = []
  if (experts !== null && !expert) cut.push(['expert width', experts.intermediate, expertRanks(backend, parallel)])
  if (hasDenseLayers(shape)) cut.push(['feed-forward width', shape.intermediate, tensor])
  if (attention.kind === 'grouped') {
    cut.push(['query width', attention.heads * attention.headDim, tensor])
    const kvRanks = Math.min(tensor, attention.kvHeads)
    cut.push(['key width', attention.kvHeads * attention.headDim, kvRanks])
  }
  const bad = cut.find(([, width, ranks]) => ranks > 1 && (width / ranks) % block !== 0)
  if (bad === undefined) return null
  const [name, width, ranks] = bad
  return `${ranks} GPUs cut the ${name} ${width} to ${width / ranks}, not a multiple of the ${block}-wide blocks of its scales`
}

function hasDenseLayers({ experts, layers }: ModelShape): boolean {
  return experts === null || experts.layers < layers
}
