import { z } from 'zod'
import { ModelId, RecipeId } from './names.js'

const Scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
/** Names as those formats have them, before they are mapped to ours. */
export const IMPORT_PRECISIONS = ['fp4', 'mxfp4', 'fp8', 'fp16', 'bf16', 'int4', 'int8'] as const

const IMPORT_ENGINES = ['vllm', 'sglang'] as const

function notImported(engine: unknown): string {
  const known = 'profiles for vllm and sglang are imported'
  return typeof engine === 'string' ? `there is no backend for ${engine.slice(0, 50)}: ${known}` : `must be the name of an engine: ${known}`
}

/**
 * A profile of AMD's AIM containers (github.com/amd-enterprise-ai/aim-build, `schemas/`). Its metadata says the card as `gpu`, as
 * `accelerator_model`, or as both. Keys that are not here are told to whoever imports it.
 */
export const AimProfile = z.looseObject({
  aim_id: ModelId.optional(),
  model_id: ModelId.optional(),
  metadata: z.looseObject({
    engine: z.enum(IMPORT_ENGINES, { error: ({ input }) => notImported(input) }),
    gpu: z.string().min(1).optional(),
    gpu_count: z.int().min(0).optional(),
    accelerator_model: z.string().min(1).optional(),
    accelerator_type: z.enum(['gpu', 'cpu']).optional(),
    accelerator_count: z.int().min(0).optional(),
    precision: z.enum(IMPORT_PRECISIONS),
    metric: z.enum(['latency', 'throughput']).optional(),
    type: z.string().optional(),
  }),
  engine_args: z.record(z.string(), z.union([Scalar, z.array(Scalar), z.record(z.string(), z.unknown())])).default({}),
  env_vars: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
})

const Served = z.strictObject({ enabled: z.boolean(), args: z.record(z.string(), Scalar).nullish() })
const ByCount = z.record(z.string().regex(/^[1-9]\d*_gpu$/, 'must be like 8_gpu'), Served)

/** The older format: one file for a model on a card, with the flags for each engine and number of GPUs. */
export const RecipeIdFile = z.strictObject({
  recipe_id: RecipeId,
  model_id: z.string().min(1),
  huggingface_id: ModelId,
  hardware: z.string().min(1),
  precision: z.enum(IMPORT_PRECISIONS),
  vllm_serve: ByCount.optional(),
  sglang_serve: ByCount.optional(),
})
