import type { Backend } from './engine.js'
import type { Precision } from './hardware.js'

/** How a layer keeps keys and values. `latent` is MLA (DeepSeek, Kimi): one compressed vector for all heads. */
export type Attention =
  | { kind: 'grouped'; heads: number; kvHeads: number; headDim: number }
  | { kind: 'latent'; heads: number; loraRank: number; ropeDim: number; queryRank: number | null }

/** Facts of an architecture, from a `config.json`. Sizes in elements, lengths in tokens. */
export type ModelShape = {
  /** First of `architectures`: what a backend looks up. */
  architecture: string
  layers: number
  hidden: number
  /** Width of a dense feed-forward layer. */
  intermediate: number
  vocab: number
  attention: Attention
  /** Layers that keep only the last `window` tokens, or those of their own chunk. The other layers see all. */
  windowed: { kind: 'sliding' | 'chunked'; layers: number; window: number } | null
  /** Routed experts; `layers` have them, the rest is dense. */
  experts: { total: number; perToken: number; layers: number; intermediate: number } | null
  maxContext: number
  tiedEmbeddings: boolean
  /** All parameters, those that one token passes through, and those of routed experts. */
  parameters: { total: number; active: number; experts: number }
}

/** The same model in one precision: a repository of its own. */
export type ModelVariant = {
  repo: string
  precision: Precision
  /** `quant_method` of its config.json; null: none. */
  method: string | null
  /** Side of the square blocks that share one scale; every sharded width must be a multiple of it. Null: no blocks. */
  block: number | null
  /** Size of its weights on disk, bytes. */
  weightBytes: number
  /** The hub wants a licence accepted before it gives the files. */
  gated: boolean
  /** Cards that it was made for; null: all that can compute the precision. */
  cards: string[] | null
}

/** Names that backends know the model's tool calls and reasoning by; null: none. */
export type Parsers = { tools: string | null; reasoning: string | null }

/** What a plan needs to know of a model. */
export type ModelFacts = {
  /** As it was named. */
  repo: string
  /** Null: could not be told, for the reason in `unknown`. */
  shape: ModelShape | null
  unknown: string | null
  /** The named repository first, then the same model in other precisions. Empty for a repository of GGUF files. */
  variants: ModelVariant[]
  /** Files of the named repository; null when nobody asked the hub. */
  files: { path: string; size: number }[] | null
  parsers: Partial<Record<Backend, Parsers>>
  /** Its repository brings code that backends run only by consent. */
  remoteCode: boolean
  origin: 'catalogue' | 'hub'
}
