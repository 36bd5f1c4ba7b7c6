import type { CatalogueModel } from '../../src/contracts/catalogue-file.js'
import type { PinnedModel } from '../../src/contracts/model.js'
import type { Card } from '../../src/domain/hardware.js'
import { COMMIT } from './fakes.js'
import { aGpu } from './gpus.js'
import { aNode } from './nodes.js'

export const CARD: Card = {
  name: 'MI300X',
  arch: 'gfx942',
  deviceIds: [0x74a1],
  vramBytes: 192 * 2 ** 30,
  bandwidth: 5.3e12,
  flops: { bf16: 1.3e15, fp8: 2.6e15 },
  linkBandwidth: 448e9,
  watts: 750,
  fp8: 'fnuz',
  mxfp4: false,
}
/** One model in two precisions, each a repository of its own. */
export const MODEL: CatalogueModel = {
  name: 'Model',
  shape: {
    architecture: 'LlamaForCausalLM',
    layers: 32,
    hidden: 4096,
    intermediate: 14336,
    vocab: 128256,
    attention: { kind: 'grouped', heads: 32, kvHeads: 8, headDim: 128 },
    windowed: null,
    experts: null,
    maxContext: 131072,
    tiedEmbeddings: false,
    parameters: { total: 8_030_000_000, active: 8_030_000_000, experts: 0 },
  },
  variants: [
    {
      repo: 'org/model',
      precision: 'bf16',
      method: null,
      block: null,
      weightBytes: 16_060_000_000,
      gated: false,
      cards: null,
      source: 'a test',
    },
    {
      repo: 'org/model-fp8',
      precision: 'fp8',
      method: 'fp8',
      block: null,
      weightBytes: 8_030_000_000,
      gated: false,
      cards: null,
      source: 'a test',
    },
  ],
  licence: { name: 'none', gated: false },
  parsers: { vllm: { tools: null, reasoning: null }, sglang: { tools: null, reasoning: null } },
  remoteCode: false,
  sources: ['a test'],
}

/** A node of idle cards. */
export const gpuNode = (count: number) =>
  aNode({ gpus: Array.from({ length: count }, (_, index) => aGpu({ index, card: index, hive: 'a' })) })

/** Each repository with the size of its weights. */
export async function pinOfModel(repo: string, ref: string): Promise<PinnedModel> {
  const size = MODEL.variants.find((variant) => variant.repo === repo)?.weightBytes ?? 0
  const file = (path: string, bytes: number) => ({ path, size: bytes, digest: { kind: 'sha256', hex: 'b'.repeat(64) } }) as const
  return { repo, ref, commit: COMMIT, files: [file('config.json', 10), file('model.safetensors', size)] }
}
