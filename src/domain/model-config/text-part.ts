import { asFields, isFields, optionalFields, optionalWord, present, UnknownField, type Fields } from './fields.js'

/** Where models for more than text keep the part that writes text. */
const TEXT_PARTS = ['text_config', 'llm_config', 'language_config'] as const

/** The part of a config that describes the text model, and the name of the field it is in; null: the config itself. */
export type TextPart = { fields: Fields; field: string | null; modelType: string; architecture: string }

/**
 * The text model of a config: its own or, for a model that also sees or hears, the nested one, as `get_hf_text_config` of vLLM takes it.
 * MPT and DBRX keep some fields in `attn_config` and `ffn_config`: these count as fields of the model.
 */
export function textPart(config: Fields): TextPart {
  const thinker = optionalFields(config, 'thinker_config')
  const outer = thinker ?? config
  const name = TEXT_PARTS.find((part) => present(outer, part) !== null) ?? null
  const inner = name === null ? outer : asFields(outer[name], name)
  const field = [thinker === null ? [] : ['thinker_config'], name ?? []].flat().join('.') || null
  return {
    fields: { ...nested(inner, 'attn_config'), ...nested(inner, 'ffn_config'), ...inner },
    field,
    modelType: optionalWord(inner, 'model_type') ?? optionalWord(config, 'model_type') ?? '',
    architecture: architectureOf(config),
  }
}

function nested(from: Fields, name: string): Fields {
  const value = present(from, name)
  return isFields(value) ? value : {}
}

/** First of `architectures`: the name that backends look up. */
function architectureOf(config: Fields): string {
  const names = present(config, 'architectures')
  const first: unknown = Array.isArray(names) ? names[0] : null
  if (typeof first !== 'string' || first === '') throw new UnknownField('architectures names no architecture')
  return first
}
