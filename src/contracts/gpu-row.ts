import { z } from 'zod'
import { COMPUTE_MODES } from '../domain/partition-modes.js'
import { Amount, Bytes, Said, Text, Whole, word } from './inventory-fields.js'

/** One GPU as `aim node inspect --json` prints it. */
export const GpuRow = z.object({
  index: Whole.optional(),
  model: Text.nullish(),
  arch: z.string().regex(/^(gfx[0-9a-f]{3,5}|unknown)$/, 'must be like gfx942'),
  vram_total_bytes: Bytes.nullable(),
  vram_free_bytes: Bytes.nullish(),
  /** Compute mode of the card; null: not told. */
  partition: word(COMPUTE_MODES).nullish(),
  partition_index: Whole.nullish(),
  partition_count: z.int().min(1).max(64).nullish(),
  memory_partition: word(['NPS1', 'NPS2', 'NPS4', 'NPS8']).nullish(),
  card: Whole.optional(),
  bdf: Text.nullish(),
  hive: Text.nullish(),
  health: z
    .object({
      temperature_celsius: z.number().nullish(),
      power_watts: Amount.nullish(),
      ecc_uncorrectable: Amount.nullish(),
      ecc_correctable: Amount.nullish(),
    })
    .nullish(),
  processes: z.array(z.object({ pid: Whole, name: Said.nullish(), vram_bytes: Bytes.nullish() })).optional(),
})
export type GpuRow = z.infer<typeof GpuRow>
