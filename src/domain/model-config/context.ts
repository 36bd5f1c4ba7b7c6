import { asFields, isFields, optionalCount, optionalFactor, optionalWord, present, type Fields } from './fields.js'

/** Fields that may limit a sequence; the smallest counts. vLLM 0.32 `derive_max_model_len_and_key`. */
const LIMITS = [
  'max_position_embeddings',
  'n_positions',
  'max_seq_len',
  'seq_length',
  'model_max_length',
  'max_target_positions',
  'max_sequence_length',
  'max_seq_length',
  'seq_len',
]

/** What vLLM takes when a config says nothing. */
const UNSAID = 2_048

/** Kinds of scaling after which `max_position_embeddings` is the scaled length already. vLLM 0.32 `_get_and_verify_max_len`. */
const SCALED = new Set(['default', 'su', 'longrope', 'llama3', 'yarn', 'deepseek_yarn', 'deepseek_llama_scaling', 'mrope'])

/** Longest sequence that vLLM lets the model have, tokens. */
export function readMaxContext(fields: Fields, modelType: string): number {
  const limits = LIMITS.map((name) => optionalCount(fields, [name])).filter((limit) => limit !== null)
  const length = optionalCount(fields, ['model_max_length']) ?? Math.min(...limits, ...(limits.length === 0 ? [UNSAID] : []))
  return modelType.startsWith('gemma3') ? length : Math.floor(length * scaling(fields))
}

/** The factor of the scaling that is not in the length yet; some models give one set of parameters for each kind of layer. */
function scaling(fields: Fields): number {
  const name = ['rope_scaling', 'rope_parameters'].find((field) => isFields(present(fields, field)))
  if (name === undefined) return 1
  const rope = asFields(present(fields, name), name)
  const factors = [rope, ...Object.values(rope).filter(isFields)].map((each) => {
    const kind = optionalWord(each, 'rope_type') ?? optionalWord(each, 'type') ?? 'default'
    return SCALED.has(kind) ? 1 : (optionalFactor(each, 'factor', `${name}.factor`) ?? 1)
  })
  return factors.find((factor) => factor !== 1) ?? 1
}
