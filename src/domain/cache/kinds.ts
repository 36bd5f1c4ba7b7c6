import type { FileKind, RepositoryType } from './contents.js'

const WEIGHTS =
  /\.(safetensors|gguf|bin|pt|pth|ckpt|pkl|onnx|onnx_data|h5|msgpack|npz|tflite|mlmodel|ot|engine)$|(^|\/)model\.safetensors\.index\.json$/
const TOKENIZER =
  /(^|\/)(tokenizer[^/]*|vocab[^/]*|merges\.txt|special_tokens_map\.json|added_tokens\.json|chat_template[^/]*|spiece\.model|sentencepiece[^/]*)$|\.(tiktoken|jinja|spm)$/
const CONFIG = /(^|\/)[^/]*config[^/]*\.(json|ya?ml)$|\.(py|index\.json)$/
const NOTES = /(^|\/)(readme|license|licence|notice|use_policy|\.git[^/]*)[^/]*$|\.(md|png|jpe?g|gif|svg|pdf)$/i

/** What a file is for, by its name. Whatever a dataset holds besides its notes is data. */
export function kindOf(path: string, type: RepositoryType): FileKind {
  if (NOTES.test(path)) return 'metadata'
  if (type === 'dataset') return 'dataset'
  if (TOKENIZER.test(path)) return 'tokenizer'
  if (WEIGHTS.test(path)) return 'weights'
  return CONFIG.test(path) ? 'config' : 'metadata'
}
