import { z } from 'zod'
import { BACKENDS } from '../domain/engine.js'

/** How a value is read. `json`: any JSON, `object`: a JSON object of which the fields may be known. `size` takes `32k` beside plain numbers. */
const ValueType = z.enum(['text', 'int', 'float', 'json', 'object', 'size'])

/** One flag by its long name without dashes. `pair` can also be had as `no-<name>`. */
const Flag = z.strictObject({
  name: z.string().min(1),
  kind: z.enum(['switch', 'pair', 'value']),
  /** Other long names, and those with one dash. */
  aliases: z.array(z.string()).default([]),
  short: z.array(z.string()).default([]),
  type: ValueType.default('text'),
  /** `None` is a value, too. */
  optional: z.boolean().default(false),
  choices: z.array(z.string()).nullable().default(null),
  nargs: z.union([z.string(), z.number()]).nullable().default(null),
  /** Fields of the structure that it takes, as dotted paths: `--<name>.<key>=value` sets one. `x.*`: any key below x. */
  keys: z.array(z.string()).nullable().default(null),
  /** What the engine says of it, when it is going away. */
  deprecated: z.string().nullable().default(null),
})
export type Flag = z.infer<typeof Flag>

/** What one version of a backend takes on its command line: a file of `recipes/engines/`, written by `scripts/flag-catalogue.mjs`. */
export const FlagCatalogue = z.strictObject({
  backend: z.enum(BACKENDS),
  version: z.string().min(1),
  /** Platform that `values` are for. */
  platform: z.literal('rocm'),
  source: z.string().min(1),
  flags: z.array(Flag).min(1),
  /** By flag: values that the backend checks only after it has parsed its arguments, or that its platform has no others of. */
  values: z.record(z.string(), z.array(z.string()).min(1)),
})
export type FlagCatalogue = z.infer<typeof FlagCatalogue>
