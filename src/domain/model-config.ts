import type { ModelShape, ModelVariant } from './model.js'
import { readAttention } from './model-config/attention.js'
import { readMaxContext } from './model-config/context.js'
import { readExperts } from './model-config/experts.js'
import { asFields, count, optionalCount, optionalFlag, isFields, present, UnknownField, type Fields } from './model-config/fields.js'
import { checkParameters, countParameters } from './model-config/parameters.js'
import { readQuantization } from './model-config/quantization.js'
import { refuseOthers } from './model-config/refuse.js'
import { textPart, type TextPart } from './model-config/text-part.js'
import { readWindows } from './model-config/windows.js'

/** What a config.json says of a model and of the precision of its weights. */
export type ModelConfig = Pick<ModelVariant, 'precision' | 'method' | 'block'> & {
  shape: ModelShape
  /** Its repository brings code that backends run only by consent. */
  remoteCode: boolean
  /** Field with the text model of one that also sees or hears: the rest is left out. Null: the config is the text model's own. */
  textOf: string | null
  /** Bytes that the weights take once loaded: 32-bit floats are loaded as 16-bit. */
  loadedBytes: number
}

const MOST_LAYERS = 10_000

/** Model types whose embedding is also the head unless their config says otherwise (defaults of their classes in transformers). */
const TIED = new Set(
  (
    'gemma gemma2 gemma3 gemma3_text gpt2 gpt_bigcode falcon RefinedWebModel RefinedWeb bloom opt mpt starcoder2 cohere cohere2 ' +
    'ernie4_5 ernie4_5_moe smollm3 xglm'
  ).split(' '),
)

/** Model types whose feed-forward layers have two matrices: no gate. */
const UNGATED = new Set(
  'gpt2 gpt_bigcode falcon RefinedWebModel RefinedWeb bloom opt mpt starcoder2 phi apertus arcee jais2 nanochat gpt_neox gptj codegen nemotron persimmon'.split(
    ' ',
  ),
)

/**
 * The shape of a text model from its config.json, by the names that vLLM 0.32 reads (`ModelArchConfigConvertorBase`, `_get_and_verify_max_len`),
 * and the precision of its weights. `weightBytes` is their size on disk. Never throws and never guesses: what is missing, of the wrong kind,
 * or keeps something else than keys and values is `unknown`, with the name of the field.
 */
export function readModelConfig(config: unknown, weightBytes: number): ModelConfig | { unknown: string } {
  try {
    return read(asFields(config, 'config.json'), weightBytes)
  } catch (error) {
    if (error instanceof UnknownField) return { unknown: error.message }
    throw error
  }
}

function read(config: Fields, weightBytes: number): ModelConfig {
  if (!Number.isFinite(weightBytes) || weightBytes <= 0) throw new UnknownField(`weightBytes is ${weightBytes}, not a size`)
  const part = textPart(config)
  refuseOthers(config, part)
  const model = readLayers(config, part)
  const quantization = readQuantization(config, part.fields)
  const counted = countParameters(model)
  // Without a dtype only the size can tell 16-bit floats from 32-bit ones.
  const bytes = quantization.bytes ?? (weightBytes / counted.total > 3 ? 4 : 2)
  const parameters = checkParameters(counted, weightBytes, bytes)
  const { attentionParameters: _attention, sharedWidth: _shared, gated: _gated, ...shape } = model
  const code = present(config, 'auto_map')
  return {
    shape: { ...shape, parameters },
    precision: quantization.precision,
    method: quantization.method,
    block: quantization.block,
    remoteCode: isFields(code) && Object.keys(code).length > 0,
    textOf: part.field,
    loadedBytes: bytes === 4 ? Math.ceil(weightBytes / 2) : weightBytes,
  }
}

function readLayers(config: Fields, { fields, modelType, architecture }: TextPart) {
  const layers = count(fields, ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'])
  if (layers > MOST_LAYERS) throw new UnknownField(`num_hidden_layers is ${layers}, more than ${MOST_LAYERS}`)
  const hidden = count(fields, ['hidden_size', 'n_embd', 'd_model'])
  const { attention, parameters: attentionParameters } = readAttention(fields, modelType, hidden)
  const intermediate = readIntermediate(fields, modelType, hidden)
  const maxContext = readMaxContext(fields, modelType)
  return {
    architecture,
    layers,
    hidden,
    intermediate,
    vocab: count(fields, ['vocab_size', 'padded_vocab_size']),
    attention,
    windowed: readWindows(fields, modelType, layers, maxContext),
    ...readExperts(fields, modelType, layers, optionalCount(fields, ['intermediate_size']) ?? intermediate),
    maxContext,
    tiedEmbeddings: optionalFlag(fields, 'tie_word_embeddings') ?? optionalFlag(config, 'tie_word_embeddings') ?? TIED.has(modelType),
    attentionParameters,
    gated: !UNGATED.has(modelType),
  }
}

/** Width of a dense layer. Llama 4 keeps it apart from that of its experts; older ungated models have four times the hidden size unsaid. */
function readIntermediate(fields: Fields, modelType: string, hidden: number): number {
  const names = ['intermediate_size_mlp', 'intermediate_size', 'ffn_hidden_size', 'n_inner', 'ffn_dim']
  return optionalCount(fields, names) ?? (UNGATED.has(modelType) ? 4 * hidden : count(fields, ['intermediate_size']))
}
