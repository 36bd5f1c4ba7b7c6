import type { ModelShape } from '../../../src/domain/model.js'
import type { Workload } from '../../../src/domain/prediction/roofline.js'

/** What a benchmark tells: tokens per second of all requests from start to end, or of one while it decodes (1 / median TPOT), or median TTFT. */
export type Measured = { outputTokensPerSecond: number } | { decodeTokensPerSecond: number } | { ttftMs: number }

export type Series = {
  name: string
  /** File of `recipes/models/` with shape and size of the weights, or both where the catalogue has no such model. */
  model: string | { shape: ModelShape; weightBytes: number }
  precision: 'bf16' | 'fp8'
  card: 'MI300X' | 'MI355X'
  tensor: number
  source: string
  rows: (Required<Workload> & Measured)[]
}

/** Requests at the same time, prompt, answer (tokens each), median TPOT and, for one request at a time, median TTFT, ms. */
type Served = [concurrency: number, promptTokens: number, outputTokens: number, tpotMs: number, ttftMs?: number]

/** A serving benchmark. Its rate of all requests is left out: in short runs it holds seconds of the first, cold request. */
function served(...runs: Served[]): Series['rows'] {
  return runs.flatMap(([concurrency, promptTokens, outputTokens, tpotMs, ttftMs]) => [
    { concurrency, promptTokens, outputTokens, decodeTokensPerSecond: 1000 / tpotMs },
    ...(ttftMs === undefined ? [] : [{ concurrency, promptTokens, outputTokens, ttftMs }]),
  ])
}

/** An offline benchmark: a batch of requests of one size, and the seconds until the last one has its answer. */
function batches(promptTokens: number, outputTokens: number, seconds: Record<number, number>): Series['rows'] {
  return Object.entries(seconds).map(([batch, time]) => {
    const concurrency = Number(batch)
    return { concurrency, promptTokens, outputTokens, outputTokensPerSecond: (concurrency * outputTokens) / time }
  })
}

function dense(sizes: Pick<ModelShape, 'layers' | 'hidden' | 'intermediate' | 'tiedEmbeddings'>): Exclude<Series['model'], string> {
  const { layers, hidden, intermediate, tiedEmbeddings } = sizes
  const [vocab, heads, kvHeads, headDim] = [131_072, 32, 8, 128]
  const tables = vocab * hidden * (tiedEmbeddings ? 1 : 2)
  const total = layers * (2 * hidden * (heads + kvHeads) * headDim + 3 * hidden * intermediate) + tables
  const shape: ModelShape = {
    ...sizes,
    architecture: 'Ministral3ForCausalLM',
    vocab,
    attention: { kind: 'grouped', heads, kvHeads, headDim },
    windowed: null,
    experts: null,
    maxContext: 262_144,
    parameters: { total, active: total, experts: 0 },
  }
  return { shape, weightBytes: total + tables }
}

const COOKBOOK = 'sgl-project/sgl-cookbook@7b5bd9c05e3d86da5161ac2be9b91c19a34bf49d docs/autoregressive'
const RECIPES = 'vllm-project/recipes@8959cf64189c71d36e11c6a30335f923f261b1f7 models/mistralai/Ministral-3-14B-Instruct-2512.yaml'
const DEV_DOCKER = 'ROCm/vllm@040de12d45c16d6de6ad386cc57dd68b8c5b805e docs/dev-docker/README.md, Latency Measurements'
const ORACLE = 'blogs.oracle.com/cloud-infrastructure/serving-llama-31-405b-model-with-amd-mi300x-gpus, benchmark_latency.py'
const MI300X_8 = { precision: 'fp8', card: 'MI300X', tensor: 8 } as const
const MI300X_1 = { precision: 'fp8', card: 'MI300X', tensor: 1 } as const

/**
 * Published runs on AMD cards in bf16 and fp8, without speculative decoding, of models whose shape has a source: the catalogue, or the
 * configuration of Ministral 3 3B and 8B. In no part: Ministral-3-14B and Devstral-2 (no source of their shape was found) and Kimi-K2.5 in
 * int4 (the only series of its format, 195 ms a token with 16 requests). Prompts and answers are the benchmark's tokens divided by its requests.
 */
const PUBLISHED: Series[] = [
  {
    name: 'DeepSeek-R1-0528, vLLM with ATOM, 8 x MI355X',
    model: 'deepseek-ai/DeepSeek-R1-0528',
    precision: 'fp8',
    card: 'MI355X',
    tensor: 8,
    source: 'ROCm/ATOM#409, mean TPOT; lengths vary between 0.8 and 1 of 1024 and 8192',
    rows: served(
      [4, 922, 922, 11.2],
      [8, 922, 922, 11.98],
      [16, 922, 922, 13.48],
      [32, 922, 922, 17.8],
      [64, 922, 922, 21.27],
      [4, 922, 7_373, 11.22],
      [8, 922, 7_373, 11.86],
      [16, 922, 7_373, 13.48],
      [32, 922, 7_373, 17.32],
      [64, 922, 7_373, 20.52],
    ),
  },
  {
    name: 'DeepSeek-V3, SGLang, 8 x MI300X',
    model: 'deepseek-ai/DeepSeek-V3',
    ...MI300X_8,
    source: `${COOKBOOK}/DeepSeek/DeepSeek-V3.md, 5.1`,
    rows: served([1, 197, 278, 24.76, 1_248.82], [100, 302, 188, 152]),
  },
  {
    name: 'DeepSeek-V3.1, SGLang, 8 x MI300X',
    model: 'deepseek-ai/DeepSeek-V3.1',
    ...MI300X_8,
    source: `${COOKBOOK}/DeepSeek/DeepSeek-V3_1.md, 5.1`,
    rows: served(
      [1, 610, 422, 23.9, 213.58],
      [16, 496, 510, 35.99],
      [100, 500, 505, 76.35],
      [1, 610, 4_446, 24.51, 156.19],
      [16, 496, 3_979, 34],
      [64, 497, 4_066, 55.1],
      [1, 4_194, 422, 25.05, 481.38],
      [16, 3_750, 521, 52.09],
      [64, 3_981, 531, 103.45],
    ),
  },
  {
    name: 'Llama-3.1-405B, vLLM 0.10.0 by AMD, 8 x MI300X',
    model: 'meta-llama/Llama-3.1-405B-Instruct',
    ...MI300X_8,
    source: DEV_DOCKER,
    rows: [
      ...batches(128, 2_048, { 1: 48.453, 2: 49.268, 4: 51.136, 8: 54.226, 16: 57.274, 32: 68.901, 64: 88.631, 128: 117.027 }),
      ...batches(2_048, 2_048, { 1: 48.362, 2: 49.121, 4: 52.347, 8: 54.471, 16: 57.841, 32: 70.538, 64: 91.452, 128: 125.471 }),
    ],
  },
  {
    name: 'Llama-3.1-405B, vLLM of 2024 by Oracle, 8 x MI300X',
    model: 'meta-llama/Llama-3.1-405B-Instruct',
    ...MI300X_8,
    source: ORACLE,
    rows: batches(128, 128, { 1: 3.53, 2: 3.583, 4: 3.734, 8: 3.974, 16: 4.375, 32: 5.13, 64: 6.919, 128: 10.34, 256: 17.75 }),
  },
  {
    name: 'Llama-3.1-70B, vLLM 0.10.0 by AMD, 8 x MI300X',
    model: 'meta-llama/Llama-3.1-70B-Instruct',
    ...MI300X_8,
    source: DEV_DOCKER,
    rows: [
      ...batches(128, 2_048, { 1: 17.236, 2: 18.057, 4: 18.45, 8: 19.677, 16: 22.072, 32: 24.932, 64: 33.287, 128: 46.484 }),
      ...batches(2_048, 2_048, { 1: 17.5, 2: 18.055, 4: 18.858, 8: 20.161, 16: 22.347, 32: 25.966, 64: 35.324, 128: 52.394 }),
    ],
  },
  {
    name: 'Llama-3.3-70B, llm-d, 8 x MI355X',
    model: 'meta-llama/Llama-3.3-70B-Instruct',
    precision: 'fp8',
    card: 'MI355X',
    tensor: 8,
    source: 'llm-d/llm-d#139: 8 requests, 735 tokens/s; lengths not told, 1024 assumed',
    rows: [{ concurrency: 8, promptTokens: 1_024, outputTokens: 1_024, outputTokensPerSecond: 735 }],
  },
  {
    name: 'Llama-4-Maverick, SGLang, 8 x MI300X',
    model: 'meta-llama/Llama-4-Maverick-17B-128E-Instruct',
    ...MI300X_8,
    precision: 'bf16',
    source: `${COOKBOOK}/Llama/Llama4.md, 5.2`,
    rows: served([1, 610, 422, 5.96, 57.45], [16, 496, 510, 10.22], [100, 500, 505, 35.37]),
  },
  {
    name: 'Llama-4-Scout, SGLang, 8 x MI300X',
    model: 'meta-llama/Llama-4-Scout-17B-16E-Instruct',
    ...MI300X_8,
    precision: 'bf16',
    source: `${COOKBOOK}/Llama/Llama4.md, 5.1`,
    rows: served([1, 610, 422, 7.4, 68.57], [16, 621, 510, 12], [100, 500, 505, 42.9]),
  },
  {
    name: 'MiniMax-M2, SGLang, 4 x MI300X',
    model: 'MiniMaxAI/MiniMax-M2',
    ...MI300X_8,
    tensor: 4,
    source: `${COOKBOOK}/MiniMax/MiniMax-M2.md, 5.1`,
    rows: served([1, 610, 422, 22.24, 385.23], [16, 496, 510, 26.56], [100, 500, 505, 57.84]),
  },
  {
    name: 'Ministral-3-3B, vLLM, 1 x MI300X',
    model: dense({ layers: 26, hidden: 3_072, intermediate: 9_216, tiedEmbeddings: true }),
    ...MI300X_1,
    source: `${RECIPES}, Benchmarking; shape: config.json of the same size at rootlocalghost/ERNIE-Image, pe/`,
    rows: [{ concurrency: 32, promptTokens: 1_024, outputTokens: 1_024, outputTokensPerSecond: 3_842 }],
  },
  {
    name: 'Ministral-3-8B, vLLM, 1 x MI300X',
    model: dense({ layers: 34, hidden: 4_096, intermediate: 14_336, tiedEmbeddings: false }),
    ...MI300X_1,
    source: `${RECIPES}, Benchmarking; shape: defaults of Ministral3Config, transformers 5.0.0rc1`,
    rows: [{ concurrency: 32, promptTokens: 1_024, outputTokens: 1_024, outputTokensPerSecond: 2_468 }],
  },
  {
    name: 'Qwen3-Coder-480B, SGLang, 8 x MI300X',
    model: 'Qwen/Qwen3-Coder-480B-A35B-Instruct',
    ...MI300X_8,
    source: `${COOKBOOK}/Qwen/Qwen3-Coder.md, 5.1`,
    rows: served([1, 610, 422, 17.07, 126.06], [16, 496, 510, 29.22], [64, 497, 532, 50.44]),
  },
  {
    name: 'Qwen3Guard-Gen-8B, vLLM, 1 x MI300X',
    model: 'Qwen/Qwen3-8B',
    ...MI300X_1,
    precision: 'bf16',
    source: 'vllm-project/recipes#431; a Qwen3-8B trained further',
    rows: [{ concurrency: 32, promptTokens: 1_024, outputTokens: 1_024, outputTokensPerSecond: 2_701.39 }],
  },
]

const byName = PUBLISHED.toSorted((a, b) => (a.name < b.name ? -1 : 1))

/** Every second series by name, from the first on: the constants of `EFFICIENCY` were fitted to these and no others. */
export const FITTED = byName.filter((_, index) => index % 2 === 0)

/** The rest: nothing was fitted to them. */
export const HELD_OUT = byName.filter((_, index) => index % 2 === 1)
