import { z } from 'zod'

/** `model.safetensors.index.json`: which file holds which tensor. */
const SafetensorsIndex = z.object({ weight_map: z.record(z.string(), z.string()) })

/** Files that the index names; null: it is none. */
export function indexedFiles(index: unknown): string[] | null {
  const { success, data } = SafetensorsIndex.safeParse(index)
  return success ? [...new Set(Object.values(data.weight_map))] : null
}
