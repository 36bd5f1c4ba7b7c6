import * as fc from 'fast-check'
import type { ModelShape } from '../../../src/domain/model.js'

const heads = fc.constantFrom(8, 12, 16, 28, 32, 40, 48, 64, 96, 128)
const divisorsOf = (count: number) => [1, 2, 4, 7, 8, 16, 32].filter((divisor) => count % divisor === 0)

const groupedAttention = heads.chain((count) =>
  fc.record({
    kind: fc.constant('grouped' as const),
    heads: fc.constant(count),
    kvHeads: fc.constantFrom(...divisorsOf(count)),
    headDim: fc.constantFrom(64, 80, 128, 256),
  }),
)
const latentAttention = fc.record({
  kind: fc.constant('latent' as const),
  heads: fc.constantFrom(16, 64, 128),
  loraRank: fc.constantFrom(256, 512),
  ropeDim: fc.constantFrom(32, 64),
  queryRank: fc.constantFrom(null, 768, 1_536),
})

/** Shapes as models have them: any attention, dense or routed, with or without windowed layers, parameters counted from the widths. */
export const anyShape: fc.Arbitrary<ModelShape> = fc
  .record({
    layers: fc.integer({ min: 1, max: 100 }),
    hidden: fc.constantFrom(512, 2_048, 3_584, 5_120, 8_192),
    intermediate: fc.constantFrom(1_536, 8_192, 14_336, 28_672),
    vocab: fc.integer({ min: 1_000, max: 260_000 }),
    attention: fc.oneof(groupedAttention, latentAttention),
    windowed: fc.option(
      fc.record({
        kind: fc.constantFrom('sliding' as const, 'chunked' as const),
        share: fc.constantFrom(0.25, 0.5, 0.75, 1),
        window: fc.integer({ min: 16, max: 16_384 }),
      }),
    ),
    experts: fc.option(
      fc.record({
        total: fc.constantFrom(8, 16, 60, 128, 256),
        perToken: fc.integer({ min: 1, max: 8 }),
        denseFirst: fc.integer({ min: 0, max: 3 }),
        intermediate: fc.constantFrom(768, 1_536, 2_048, 8_192),
      }),
    ),
    maxContext: fc.integer({ min: 1, max: 1_048_576 }),
    tiedEmbeddings: fc.boolean(),
  })
  .map(({ windowed, experts, ...rest }) => {
    const windowedLayers = windowed === null ? 0 : Math.floor(rest.layers * windowed.share)
    const expertLayers = experts === null ? 0 : Math.max(1, rest.layers - experts.denseFirst)
    const expertParameters = experts === null ? 0 : expertLayers * experts.total * 3 * rest.hidden * experts.intermediate
    const others =
      rest.vocab * rest.hidden * 2 + rest.layers * 4 * rest.hidden ** 2 + (rest.layers - expertLayers) * 3 * rest.hidden * rest.intermediate
    return {
      architecture: 'AnyForCausalLM',
      ...rest,
      windowed: windowedLayers === 0 || windowed === null ? null : { kind: windowed.kind, layers: windowedLayers, window: windowed.window },
      experts:
        experts === null
          ? null
          : { total: experts.total, perToken: experts.perToken, layers: expertLayers, intermediate: experts.intermediate },
      parameters: { total: others + expertParameters, active: others, experts: expertParameters },
    }
  })

export const anyBackend = fc.constantFrom('vllm' as const, 'sglang' as const)
export const anyTensor = fc.constantFrom(1, 2, 4, 8)

export const GIB = 2 ** 30
export const alone = { tensor: 1, pipeline: 1, data: 1, expert: false }
