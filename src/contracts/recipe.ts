import { z } from 'zod'
import { BACKENDS } from '../domain/engine.js'
import { ModelId } from './names.js'

const Hardware = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cpu') }),
  z.strictObject({ kind: z.literal('gpu'), count: z.int().min(1).max(64), arch: z.array(z.string().regex(/^gfx[0-9a-f]+$/)).min(1) }),
])

/** Flags by their full name without dashes. Where to listen and what to serve are never a recipe's to say. */
const FlagName = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'must be the full name of a flag, without dashes before it')

/** One recipe file. Its id is its path below `recipes/`, without `.yaml`. */
export const RecipeFile = z.strictObject({
  model: z.union([ModelId, z.literal('*')]),
  backend: z.enum(BACKENDS),
  format: z.enum(['gguf', 'safetensors']),
  hardware: Hardware,
  context: z.int().min(128).optional(),
  args: z.record(FlagName, z.union([z.string(), z.number(), z.boolean()])).default({}),
  env: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).default({}),
  /** Where the settings come from. */
  source: z.string().optional(),
})
