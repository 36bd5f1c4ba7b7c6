import { z } from 'zod'
import { PRECISIONS } from '../domain/hardware.js'
import { ModelId } from './names.js'

const Count = z.int().min(1)

const Attention = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('grouped'), heads: Count, kvHeads: Count, headDim: Count }),
  z.strictObject({ kind: z.literal('latent'), heads: Count, loraRank: Count, ropeDim: Count, queryRank: Count.nullable() }),
])

/** The fields of `ModelShape`, as in a model's own config.json. */
const Shape = z.strictObject({
  architecture: z.string().min(1),
  layers: Count,
  hidden: Count,
  intermediate: Count,
  vocab: Count,
  attention: Attention,
  windowed: z
    .strictObject({ kind: z.enum(['sliding', 'chunked']), layers: Count, window: Count })
    .nullable()
    .default(null),
  experts: z.strictObject({ total: Count, perToken: Count, layers: Count, intermediate: Count }).nullable().default(null),
  maxContext: Count,
  tiedEmbeddings: z.boolean(),
  parameters: z.strictObject({ total: Count, active: Count, experts: z.int().min(0) }),
})

const Variant = z.strictObject({
  repo: ModelId,
  precision: z.enum(PRECISIONS),
  method: z.string().nullable().default(null),
  block: Count.nullable().default(null),
  weightBytes: Count,
  gated: z.boolean(),
  cards: z.array(z.string()).min(1).nullable().default(null),
  /** Where repository, precision and size were read; `derived: ...` for a computed size. */
  source: z.string().min(1),
})

const ParserNames = z.strictObject({ tools: z.string().nullable(), reasoning: z.string().nullable() })

/** One file of `recipes/models/`: one model in all its precisions. */
export const CatalogueFile = z.strictObject({
  name: z.string().min(1),
  shape: Shape,
  variants: z.array(Variant).min(1),
  licence: z.strictObject({ name: z.string().min(1), gated: z.boolean() }),
  parsers: z.strictObject({ vllm: ParserNames, sglang: ParserNames }),
  remoteCode: z.boolean(),
  /** Where the facts of the architecture were read. */
  sources: z.array(z.string().min(1)).min(1),
})
export type CatalogueModel = z.infer<typeof CatalogueFile>
