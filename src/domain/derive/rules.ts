import type { Case, Rule } from './case.js'

/** GPUs that AMD's AITER kernels are made for, and the others, where Triton's work. */
const AITER = ['gfx942', 'gfx950']
const TRITON = ['gfx90a', 'gfx1100']

const ROCM_GUIDE = 'ROCm documentation, vLLM V1 performance optimization'
const VLLM_RECIPES = 'vllm-project/recipes'
const VLLM_GUIDE = 'vLLM documentation, optimization and tuning'
const ROCM_SGLANG = 'ROCm documentation, SGLang inference and serving'
const ROCM_CVS = 'ROCm/cvs, SGLang settings'
const OURS = 'ours: docs/decisions/0007-derived-recipes.md'

/**
 * The one rule of derived recipes: all rows that meet a case, a later one over an earlier one. docs/decisions/0007-derived-recipes.md gives the
 * reasons and says what is left out.
 */
export const RULES: readonly Rule[] = [
  {
    when: { backend: 'vllm', archs: AITER },
    env: { VLLM_ROCM_USE_AITER: '1', HIP_FORCE_DEV_KERNARG: '1', TORCH_BLAS_PREFER_HIPBLASLT: '1', SAFETENSORS_FAST_GPU: '1' },
    source: ROCM_GUIDE,
  },
  { when: { backend: 'vllm', archs: AITER, cut: true }, env: { NCCL_MIN_NCHANNELS: '112' }, source: ROCM_GUIDE },
  { when: { backend: 'vllm', archs: AITER, attention: 'latent' }, args: { 'block-size': 1 }, source: ROCM_GUIDE },
  {
    when: { backend: 'vllm', archs: AITER, model: 'GptOssForCausalLM' },
    settings: { attentionBackend: 'ROCM_AITER_UNIFIED_ATTN' },
    args: { 'block-size': 64 },
    source: VLLM_RECIPES,
  },
  {
    when: { backend: 'vllm', archs: AITER, model: 'Qwen3MoeForCausalLM' },
    env: { VLLM_ROCM_USE_AITER_MHA: '0' },
    source: VLLM_RECIPES,
  },
  { when: { backend: 'vllm', archs: TRITON, attention: 'grouped' }, settings: { attentionBackend: 'TRITON_ATTN' }, source: ROCM_GUIDE },
  { when: { backend: 'vllm', archs: TRITON, attention: 'latent' }, settings: { attentionBackend: 'TRITON_MLA' }, source: ROCM_GUIDE },
  {
    when: { backend: 'vllm', archs: AITER, objective: 'latency' },
    settings: { maxBatchedTokens: 8192, maxSequences: 128 },
    source: ROCM_GUIDE,
  },
  {
    when: { backend: 'vllm', archs: AITER, objective: 'throughput' },
    settings: { maxBatchedTokens: 32768, maxSequences: 1024 },
    source: ROCM_GUIDE,
  },
  {
    when: { backend: 'vllm', archs: TRITON, objective: 'latency' },
    settings: { maxBatchedTokens: 2048, maxSequences: 128 },
    source: VLLM_GUIDE,
  },
  { when: { backend: 'vllm', archs: TRITON, objective: 'throughput' }, settings: { maxBatchedTokens: 16384 }, source: VLLM_GUIDE },
  { when: { backend: 'vllm', copies: true }, args: { 'disable-nccl-for-dp-synchronization': true }, source: ROCM_GUIDE },
  { when: { backend: 'vllm', method: 'awq' }, env: { VLLM_USE_TRITON_AWQ: '1' }, source: ROCM_GUIDE },
  { when: { backend: 'vllm', weightsOver: 300e9 }, env: { VLLM_ENGINE_READY_TIMEOUT_S: '3600' }, source: OURS },
  {
    when: { backend: 'sglang', archs: AITER },
    settings: { attentionBackend: 'aiter' },
    env: { SGLANG_USE_AITER: '1' },
    source: ROCM_CVS,
  },
  {
    when: { backend: 'sglang', archs: AITER, attention: 'latent' },
    env: { AMDGCN_USE_BUFFER_OPS: '1' },
    source: ROCM_CVS,
  },
  {
    when: { backend: 'sglang', archs: TRITON },
    settings: { attentionBackend: 'triton' },
    env: { SGLANG_USE_AITER: 'false', SGLANG_ROCM_FUSED_DECODE_MLA: 'false' },
    source: ROCM_SGLANG,
  },
  { when: { backend: 'sglang', objective: 'latency' }, settings: { maxBatchedTokens: 4096, maxSequences: 128 }, source: OURS },
  // Their repositories carry the scales that a smaller KV cache needs to stay exact.
  { when: { repo: /-FP8-KV$/i }, settings: { kvDtype: 'fp8' }, source: ROCM_GUIDE },
]

/** The rows that meet a case. */
export function rulesFor({ shape, variant, card, backend, objective, parallel }: Case): Rule[] {
  return RULES.filter(
    ({ when }) =>
      (when.backend === undefined || when.backend === backend) &&
      (when.archs === undefined || when.archs.includes(card.arch)) &&
      (when.objective === undefined || when.objective === objective) &&
      (when.attention === undefined || when.attention === shape.attention.kind) &&
      (when.model === undefined || when.model === shape.architecture) &&
      (when.method === undefined || when.method === variant.method) &&
      (when.cut === undefined || parallel.tensor > 1) &&
      (when.copies === undefined || parallel.data > 1) &&
      (when.weightsOver === undefined || variant.weightBytes > when.weightsOver) &&
      (when.repo === undefined || when.repo.test(variant.repo)),
  )
}
