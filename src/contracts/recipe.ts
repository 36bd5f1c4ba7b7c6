import { z } from 'zod'
import { BACKENDS } from '../domain/engine.js'
import { PRECISIONS } from '../domain/hardware.js'
import { ModelId } from './names.js'

const Count = z.int().min(1)
const Bytes = z.int().min(0)
/** A plan holds dozens of recipes, and a workflow's input 2 MB. */
const Text = z.string().max(2_000, 'must be at most 2000 characters')
const MOST_ENTRIES = 100
const TOO_MANY = `must have at most ${MOST_ENTRIES} entries`
const isShort = (entries: object): boolean => Object.keys(entries).length <= MOST_ENTRIES

const Hardware = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cpu') }),
  z.strictObject({
    kind: z.literal('gpu'),
    count: Count.max(64).describe('GPUs of one replica'),
    cards: z.array(z.string().min(1)).min(1).describe('names of the hardware table'),
  }),
])

export const Parallel = z.strictObject({
  tensor: Count.default(1).describe('GPUs that each layer is cut over'),
  pipeline: Count.default(1).describe('stages that the layers are dealt to'),
  data: Count.default(1).describe('copies of the model'),
  expert: z.boolean().default(false).describe('routed experts are spread, not cut'),
})

/** Controls that several backends know under different names; `src/engines` maps them to the flags of each. */
export const Settings = z.strictObject({
  dtype: z.enum(['auto', 'bfloat16', 'float16']).exactOptional(),
  quantization: z.string().exactOptional(),
  memoryFraction: z
    .number()
    .min(0.1)
    .max(0.99)
    .describe('vLLM: share of the whole memory; SGLang: share for weights and KV cache')
    .exactOptional(),
  kvDtype: z.enum(['auto', 'fp8']).exactOptional(),
  prefixCache: z.boolean().exactOptional(),
  chunkedPrefill: z.boolean().exactOptional(),
  maxBatchedTokens: Count.describe('tokens of one forward step').exactOptional(),
  maxSequences: Count.describe('requests that run at the same time').exactOptional(),
  graphs: z.boolean().describe('false: no graphs are captured').exactOptional(),
  graphMaxBatch: Count.describe('largest batch that a graph is captured for').exactOptional(),
  weightOffloadBytes: Bytes.describe('weights of each GPU kept in system memory').exactOptional(),
  kvOffloadBytes: Bytes.describe('KV cache of each GPU that may spill into system memory').exactOptional(),
  streamInterval: Count.describe('tokens between two messages of a streamed answer').exactOptional(),
  attentionBackend: z.string().exactOptional(),
  toolParser: z.string().exactOptional(),
  reasoningParser: z.string().exactOptional(),
  trustRemoteCode: z.boolean().describe('the repository brings code that must run; only by consent of the policy').exactOptional(),
})

/** Flags by their full name without dashes. Where to listen and what to serve are never a recipe's to say. */
const FlagName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'must be the full name of a flag, without dashes before it')

const Benchmark = z.strictObject({
  card: z.string().min(1),
  concurrency: Count,
  promptTokens: Count.nullable().default(null),
  outputTokensPerSecond: z.number().positive(),
  ttftMs: z.number().positive().nullable().default(null),
  source: z.string().min(1),
})

/** One recipe file. Its id is its path below its folder, without `.yaml`. */
export const RecipeFile = z.strictObject({
  model: z.union([ModelId, z.literal('*')]).describe('repository of the weights, or * for any'),
  precision: z.enum(PRECISIONS).nullable().default(null).describe('of the weights; absent: whatever the repository holds'),
  backend: z.enum(BACKENDS),
  /** A catalogue of `recipes/engines/`; flags are checked against it. */
  version: z
    .string()
    .nullable()
    .default(null)
    .describe('version of the backend that the flags are checked for; absent: the newest that we know'),
  format: z.enum(['gguf', 'safetensors']),
  hardware: Hardware,
  parallel: Parallel.default({ tensor: 1, pipeline: 1, data: 1, expert: false }),
  objective: z.enum(['balanced', 'latency', 'throughput']).nullable().default(null).describe('what its settings are best at'),
  context: z.int().min(128).describe('longest context, tokens').exactOptional(),
  settings: Settings.default({}),
  args: z
    .record(FlagName, z.union([Text, z.number(), z.boolean()]))
    .refine(isShort, TOO_MANY)
    .default({})
    .describe('flags of the backend by their full name without dashes'),
  env: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be upper-case'), Text)
    .refine(isShort, TOO_MANY)
    .default({}),
  image: Text.describe('container image that it was published with').exactOptional(),
  command: z.array(Text).min(1).max(64).describe('command of the custom backend').exactOptional(),
  benchmarks: z.array(Benchmark).default([]),
  untuned: z.literal(true).describe('its publisher says that it was not tuned: it counts as derived').exactOptional(),
  source: Text.min(1).describe('where the settings come from'),
})
