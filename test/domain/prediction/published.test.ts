import { expect, test } from 'vitest'
import type { Card } from '../../../src/domain/hardware.js'
import type { ModelShape } from '../../../src/domain/model.js'
import { roofline } from '../../../src/domain/prediction/roofline.js'

const llama70b: ModelShape = {
  architecture: 'LlamaForCausalLM',
  layers: 80,
  hidden: 8192,
  intermediate: 28_672,
  vocab: 128_256,
  attention: { kind: 'grouped', heads: 64, kvHeads: 8, headDim: 128 },
  windowed: null,
  experts: null,
  maxContext: 131_072,
  tiedEmbeddings: false,
  parameters: { total: 70.55e9, active: 70.55e9, experts: 0 },
}
const llama405b: ModelShape = {
  ...llama70b,
  layers: 126,
  hidden: 16_384,
  intermediate: 53_248,
  attention: { kind: 'grouped', heads: 128, kvHeads: 8, headDim: 128 },
  parameters: { total: 405.9e9, active: 405.9e9, experts: 0 },
}
type Rates = Pick<Card, 'bandwidth' | 'flops' | 'linkBandwidth' | 'mxfp4'>
/** Figures of recipes/hardware.yaml. */
const MI300X: Rates = { bandwidth: 5.3e12, flops: { bf16: 1.3074e15, fp8: 2.6149e15 }, linkBandwidth: 4.48e11, mxfp4: false }
const MI355X: Rates = { bandwidth: 8e12, flops: { bf16: 2.5166e15, fp8: 5.0332e15 }, linkBandwidth: 5.376e11, mxfp4: true }

/**
 * What others measured (llm-d/llm-d#139; blogs.oracle.com/cloud-infrastructure/serving-llama-31-405b-model-with-amd-mi300x-gpus; AMD's page of
 * performance results, vLLM 0.9.1 of 2025-07-15) beside what the roofline says: nothing was fitted to it, and the error is written down so that no change of a constant
 * goes unseen. It leans towards what the hardware allows: too high against all of them.
 */
test.each<[string, ModelShape, number, Rates, number, number, number, number]>([
  ['llm-d#139: Llama-3.3-70B FP8, 8 x MI355X, 8 requests', llama70b, 70.55e9, MI355X, 8, 1_024, 735, 0.93],
  ['Oracle: Llama-3.1-405B FP8, 8 x MI300X, 1 request of 128 + 128', llama405b, 405.9e9, MI300X, 1, 192, 36, 0.56],
  ['Oracle: the same, 16 requests', llama405b, 405.9e9, MI300X, 16, 192, 468, 0.85],
  ['Oracle: the same, 64 requests', llama405b, 405.9e9, MI300X, 64, 192, 1_184, 1.63],
  ['AMD: Llama-3.1-70B FP8, 8 x MI300X, 1 request of 128 + 2048 in 17.236 s', llama70b, 70.55e9, MI300X, 1, 1_152, 118.8, 0.35],
])('%s', (_, shape, weightBytes, card, concurrency, promptTokens, measured, error) => {
  const variant = { weightBytes, precision: 'fp8' as const }
  const parallel = { tensor: 8, pipeline: 1, data: 1, expert: false }
  const speed = roofline({ shape, variant, card, share: 1, parallel, kvBytesPerElement: 2 }, { concurrency, promptTokens })
  expect((speed?.outputTokensPerSecond ?? 0) / measured - 1).toBeCloseTo(error, 1)
})
