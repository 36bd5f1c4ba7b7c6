import type { ModelShape } from '../model.js'
import { count, optionalCount, optionalFlag, optionalList, shown, UnknownField, type Fields } from './fields.js'

/** Every how many layers one sees all tokens, where a config does not say (the configs' own defaults in transformers). */
const PATTERNS = new Map([
  ['gemma2', 2],
  ['gemma3', 6],
  ['gemma3_text', 6],
  ['cohere2', 4],
  ['gpt_oss', 2],
])

/** Model types that have a window in their config but use it only when `use_sliding_window` says so. */
const OPT_IN = /^qwen/

/** Which layers keep a window or a chunk only; null: none, or one that no sequence outgrows. */
export function readWindows(fields: Fields, modelType: string, layers: number, maxContext: number): ModelShape['windowed'] {
  const found = chunked(fields, modelType, layers) ?? sliding(fields, modelType, layers)
  return found === null || found.layers === 0 || found.window >= maxContext ? null : found
}

/** Llama 4: layers with positions attend inside their chunk, the others (`no_rope_layers` is 0) to all. */
function chunked(fields: Fields, modelType: string, layers: number): ModelShape['windowed'] {
  const window = optionalCount(fields, ['attention_chunk_size'], 0)
  if (window === null || window === 0) return null
  const types = layerTypes(fields, layers)
  if (types !== null) return { kind: 'chunked', layers: types.filter((type) => type === 'chunked_attention').length, window }
  if (!modelType.startsWith('llama4')) throw new UnknownField('attention_chunk_size: which layers attend in chunks is not known')
  const positions = optionalList(fields, 'no_rope_layers')
  if (positions !== null && positions.length > 0) {
    if (positions.length !== layers) throw new UnknownField(`no_rope_layers names ${positions.length} layers of ${layers}`)
    return { kind: 'chunked', layers: positions.filter((value) => value !== 0).length, window }
  }
  const every = optionalCount(fields, ['no_rope_layer_interval']) ?? 4
  return { kind: 'chunked', layers: layers - Math.floor(layers / every), window }
}

function sliding(fields: Fields, modelType: string, layers: number): ModelShape['windowed'] {
  const types = layerTypes(fields, layers)
  const named = types?.filter((type) => type === 'sliding_attention').length
  if (named === 0) return null
  const window = named === undefined ? optionalCount(fields, ['sliding_window'], 0) : count(fields, ['sliding_window'])
  if (window === null || window === 0) return null
  if (named !== undefined) return { kind: 'sliding', layers: named, window }

  const use = optionalFlag(fields, 'use_sliding_window')
  if (use === false || (use === null && OPT_IN.test(modelType))) return null
  const first = optionalCount(fields, ['max_window_layers'], 0)
  if (first !== null) return { kind: 'sliding', layers: Math.max(0, layers - first), window }
  const every = optionalCount(fields, ['sliding_window_pattern', '_sliding_window_pattern']) ?? PATTERNS.get(modelType)
  return { kind: 'sliding', layers: every === undefined ? layers : layers - Math.floor(layers / every), window }
}

const LAYER_TYPES: readonly unknown[] = ['full_attention', 'sliding_attention', 'chunked_attention']

/** `layer_types`, one for each layer and each of a kind that there is a formula for; null when absent. */
function layerTypes(fields: Fields, layers: number): readonly unknown[] | null {
  const types = optionalList(fields, 'layer_types')
  if (types === null) return null
  if (types.length !== layers) throw new UnknownField(`layer_types names ${types.length} layers of ${layers}`)
  const other = types.find((type) => !LAYER_TYPES.includes(type))
  if (other !== undefined) throw new UnknownField(`layer_types: no formula for the cache of ${shown(other)}`)
  return types
}
