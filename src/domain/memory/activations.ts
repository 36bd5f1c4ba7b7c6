import type { Backend, Parallelism } from '../engine.js'
import type { ModelShape } from '../model.js'
import { expertRanks, kvHeadsPerGpu, paddedVocab } from '../parallelism.js'
import type { Step } from './step.js'

/** Activations are 16-bit in every precision that weights are kept in. */
const ELEMENT_BYTES = 2

/** Logits as they are gathered (16-bit), as float32 for the sampler, and their probabilities in float32. vLLM 0.32 `Sampler.forward`. */
const LOGIT_BYTES = 2 + 4 + 4

/**
 * Peak of one forward step of `step.tokens` tokens on one GPU: the hidden state and the residual, and beside them the widest part of a
 * layer (`width`, of `layerWidth`); or, after the layers, the logits of all sequences.
 *
 * - attention: queries, keys, values and the result, cut by TP; for MLA the absorbed query and result (rank + rope a head).
 * - dense feed-forward: gate and up, their product, the result: `3 x intermediate/TP + hidden`.
 * - routed experts: for each chosen expert of each token two workspaces, `max(w, hidden)` and `max(2w, hidden)` with w the width here, and the
 *   result (vLLM 0.32 `TritonExperts.workspace_shapes`). vLLM's data parallelism brings the tokens of all its ranks together.
 *
 * Kernels that fuse these need less. What engines allocate beside is the reserve's.
 */
export function activationBytes({ hidden, vocab }: ModelShape, width: number, step: Step): number {
  const always = step.tokens * 2 * hidden
  const layer = step.tokens * width
  const logits = step.sequences * paddedVocab(vocab) * LOGIT_BYTES
  return Math.max((always + layer) * ELEMENT_BYTES, logits)
}

/** Elements that one token takes in the widest part of a layer on one GPU, beside the hidden state and the residual. */
export function layerWidth(shape: ModelShape, backend: Backend, parallel: Parallelism): number {
  return Math.max(attentionWidth(shape, parallel), feedForwardWidth(shape, parallel), expertsWidth(shape, backend, parallel))
}

function attentionWidth({ attention }: ModelShape, { tensor }: Parallelism): number {
  if (attention.kind === 'latent') return (2 * (attention.heads / tensor) + 1) * (attention.loraRank + attention.ropeDim)
  return 2 * (attention.heads / tensor + kvHeadsPerGpu(attention, tensor)) * attention.headDim
}

function feedForwardWidth({ experts, layers, intermediate, hidden }: ModelShape, { tensor }: Parallelism): number {
  const dense = experts === null || experts.layers < layers
  return dense ? (3 * intermediate) / tensor + hidden : 0
}

function expertsWidth({ experts, hidden }: ModelShape, backend: Backend, parallel: Parallelism): number {
  if (experts === null) return 0
  const width = parallel.expert ? experts.intermediate : experts.intermediate / expertRanks(backend, parallel)
  const gathered = backend === 'vllm' ? parallel.data : 1
  return gathered * (experts.perToken * (Math.max(width, hidden) + Math.max(2 * width, hidden)) + hidden)
}
