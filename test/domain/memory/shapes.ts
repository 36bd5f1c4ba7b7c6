import type { ModelShape } from '../../../src/domain/model.js'

/** Shapes of the public configs, with the size that their weights have by parameters x bytes. */
export type Known = { name: string; shape: ModelShape; weightBytes: number; block: number | null; kvBytesPerToken: number }

type Dense = { layers: number; hidden: number; intermediate: number; heads: number; kvHeads: number; headDim: number; vocab: number }
type Extra = Partial<Pick<ModelShape, 'windowed' | 'experts' | 'maxContext' | 'tiedEmbeddings' | 'architecture'>> & {
  billions: number
  active?: number
  expertBillions?: number
}

function grouped(dense: Dense, extra: Extra): ModelShape {
  const { layers, hidden, intermediate, heads, kvHeads, headDim, vocab } = dense
  return {
    architecture: extra.architecture ?? 'LlamaForCausalLM',
    layers,
    hidden,
    intermediate,
    vocab,
    attention: { kind: 'grouped', heads, kvHeads, headDim },
    windowed: extra.windowed ?? null,
    experts: extra.experts ?? null,
    maxContext: extra.maxContext ?? 131_072,
    tiedEmbeddings: extra.tiedEmbeddings ?? false,
    parameters: {
      total: extra.billions * 1e9,
      active: (extra.active ?? extra.billions) * 1e9,
      experts: (extra.expertBillions ?? 0) * 1e9,
    },
  }
}

function deepseekLike(
  heads: number,
  vocab: number,
  experts: number,
  billions: number,
  expertBillions: number,
  maxContext: number,
): ModelShape {
  return {
    architecture: 'DeepseekV3ForCausalLM',
    layers: 61,
    hidden: 7_168,
    intermediate: 18_432,
    vocab,
    attention: { kind: 'latent', heads, loraRank: 512, ropeDim: 64, queryRank: 1_536 },
    windowed: null,
    experts: { total: experts, perToken: 8, layers: heads === 128 ? 58 : 60, intermediate: 2_048 },
    maxContext,
    tiedEmbeddings: false,
    parameters: { total: billions * 1e9, active: 37e9, experts: expertBillions * 1e9 },
  }
}

const llama4 = (experts: number, layers: number, billions: number, expertBillions: number, maxContext: number) =>
  grouped(
    { layers: 48, hidden: 5_120, intermediate: 16_384, heads: 40, kvHeads: 8, headDim: 128, vocab: 202_048 },
    {
      architecture: 'Llama4ForConditionalGeneration',
      billions,
      active: 17,
      expertBillions,
      experts: { total: experts, perToken: 1, layers, intermediate: 8_192 },
      windowed: { kind: 'chunked', layers: 36, window: 8_192 },
      maxContext,
    },
  )

const gptOss = (layers: number, experts: number, billions: number, expertBillions: number) =>
  grouped(
    { layers, hidden: 2_880, intermediate: 2_880, heads: 64, kvHeads: 8, headDim: 64, vocab: 201_088 },
    {
      architecture: 'GptOssForCausalLM',
      billions,
      active: 5,
      expertBillions,
      experts: { total: experts, perToken: 4, layers, intermediate: 2_880 },
      windowed: { kind: 'sliding', layers: layers / 2, window: 128 },
    },
  )

/** Bytes of KV cache per token in 16 bits on one GPU. gpt-oss and Llama 4: of the layers that keep every token. */
export const KNOWN: Record<string, Known> = {
  deepseek: {
    name: 'DeepSeek-R1/V3',
    shape: deepseekLike(128, 129_280, 256, 671, 653, 163_840),
    weightBytes: 671e9,
    block: 128,
    kvBytesPerToken: 70_272,
  },
  llama405: {
    name: 'Llama-3.1-405B',
    shape: grouped(
      { layers: 126, hidden: 16_384, intermediate: 53_248, heads: 128, kvHeads: 8, headDim: 128, vocab: 128_256 },
      { billions: 405.9 },
    ),
    weightBytes: 811.7e9,
    block: null,
    kvBytesPerToken: 516_096,
  },
  llama70: {
    name: 'Llama-3.3-70B',
    shape: grouped(
      { layers: 80, hidden: 8_192, intermediate: 28_672, heads: 64, kvHeads: 8, headDim: 128, vocab: 128_256 },
      { billions: 70.6 },
    ),
    weightBytes: 141.1e9,
    block: null,
    kvBytesPerToken: 327_680,
  },
  maverick: {
    name: 'Llama-4-Maverick',
    shape: llama4(128, 24, 402, 386, 1_048_576),
    weightBytes: 804e9,
    block: null,
    kvBytesPerToken: 49_152,
  },
  scout: { name: 'Llama-4-Scout', shape: llama4(16, 48, 109, 97, 10_485_760), weightBytes: 218e9, block: null, kvBytesPerToken: 49_152 },
  qwen32: {
    name: 'Qwen3-32B',
    shape: grouped(
      { layers: 64, hidden: 5_120, intermediate: 25_600, heads: 64, kvHeads: 8, headDim: 128, vocab: 151_936 },
      { billions: 32.8, maxContext: 40_960 },
    ),
    weightBytes: 65.5e9,
    block: null,
    kvBytesPerToken: 262_144,
  },
  qwen235: {
    name: 'Qwen3-235B-A22B',
    shape: grouped(
      { layers: 94, hidden: 4_096, intermediate: 12_288, heads: 64, kvHeads: 4, headDim: 128, vocab: 151_936 },
      {
        billions: 235,
        active: 22,
        expertBillions: 227,
        experts: { total: 128, perToken: 8, layers: 94, intermediate: 1_536 },
        maxContext: 40_960,
      },
    ),
    weightBytes: 470e9,
    block: null,
    kvBytesPerToken: 192_512,
  },
  gptOss120: { name: 'gpt-oss-120b', shape: gptOss(36, 128, 117, 114.7), weightBytes: 65e9, block: null, kvBytesPerToken: 36_864 },
  gptOss20: { name: 'gpt-oss-20b', shape: gptOss(24, 32, 20.9, 19.1), weightBytes: 13.3e9, block: null, kvBytesPerToken: 24_576 },
  mixtral: {
    name: 'Mixtral-8x22B',
    shape: grouped(
      { layers: 56, hidden: 6_144, intermediate: 16_384, heads: 48, kvHeads: 8, headDim: 128, vocab: 32_768 },
      {
        billions: 140.6,
        active: 39,
        expertBillions: 135.3,
        experts: { total: 8, perToken: 2, layers: 56, intermediate: 16_384 },
        maxContext: 65_536,
      },
    ),
    weightBytes: 281.2e9,
    block: null,
    kvBytesPerToken: 229_376,
  },
  kimi: {
    name: 'Kimi-K2',
    shape: deepseekLike(64, 163_840, 384, 1_026, 1_014, 131_072),
    weightBytes: 1_029e9,
    block: 128,
    kvBytesPerToken: 70_272,
  },
  qwen7: {
    name: 'Qwen2.5-7B',
    shape: grouped(
      { layers: 28, hidden: 3_584, intermediate: 18_944, heads: 28, kvHeads: 4, headDim: 128, vocab: 152_064 },
      { billions: 7.6, maxContext: 32_768 },
    ),
    weightBytes: 15.2e9,
    block: null,
    kvBytesPerToken: 57_344,
  },
  qwen8: {
    name: 'Qwen3-8B',
    shape: grouped(
      { layers: 36, hidden: 4_096, intermediate: 12_288, heads: 32, kvHeads: 8, headDim: 128, vocab: 151_936 },
      { billions: 8.2, maxContext: 40_960 },
    ),
    weightBytes: 16.4e9,
    block: null,
    kvBytesPerToken: 147_456,
  },
}
