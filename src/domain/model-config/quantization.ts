import type { Precision } from '../hardware.js'
import {
  asFields,
  isFields,
  optionalCount,
  optionalFields,
  optionalList,
  optionalWord,
  present,
  UnknownField,
  type Fields,
} from './fields.js'

/** How weights are kept. `bytes`: of one quantised parameter with its share of the scales; null: to be told from the size of the files. */
export type Quantization = { precision: Precision; method: string | null; block: number | null; bytes: number | null }

/** int4 in groups of 128 with a 16-bit scale and a 4-bit zero; mxfp4 in groups of 32 with an 8-bit scale. */
const BYTES: Record<Precision, number> = { bf16: 2, fp8: 1, int8: 1, int4: (4 + 20 / 128) / 8, mxfp4: (4 + 8 / 32) / 8 }

/** Methods with a precision of their own. */
const FIXED: Record<string, Precision> = { fbgemm_fp8: 'fp8', mxfp4: 'mxfp4', gpt_oss_mxfp4: 'mxfp4' }

/** Methods that only keep weights as integers of `bits`. */
const INTEGER = new Set(['awq', 'auto_awq', 'awq_marlin', 'gptq', 'auto_gptq', 'gptq_marlin', 'auto-round', 'inc'])

/** The precision of the weights from `quantization_config` (or `compression_config`), else from `torch_dtype`. */
export function readQuantization(config: Fields, text: Fields): Quantization {
  const found = [config, text]
    .flatMap((from) => [optionalFields(from, 'quantization_config'), optionalFields(from, 'compression_config')])
    .find((each) => each !== null)
  return found === undefined || found === null ? unquantized(config, text) : quantized(found)
}

function unquantized(config: Fields, text: Fields): Quantization {
  const dtype = [text, config].flatMap((from) => optionalWord(from, 'dtype') ?? optionalWord(from, 'torch_dtype') ?? [])[0]
  const plain = { precision: 'bf16' as const, method: null, block: null }
  if (dtype === undefined) return { ...plain, bytes: null }
  const name = dtype.replace('torch.', '')
  if (name === 'bfloat16' || name === 'float16') return { ...plain, bytes: 2 }
  if (name === 'float32') return { ...plain, bytes: 4 }
  throw new UnknownField(`torch_dtype is ${JSON.stringify(dtype.slice(0, 40))}, which is no 16-bit or 32-bit float`)
}

function quantized(config: Fields): Quantization {
  const method = (optionalWord(config, 'quant_method') ?? '').toLowerCase().replace('compressed_tensors', 'compressed-tensors')
  const of = (precision: Precision, block: number | null = null): Quantization => ({ precision, method, block, bytes: BYTES[precision] })
  const fixed = Object.hasOwn(FIXED, method) ? FIXED[method] : undefined
  if (fixed !== undefined) return of(fixed)
  if (INTEGER.has(method)) return of(integer(optionalCount(config, ['bits', 'w_bit']) ?? 4, method))
  if (method === 'fp8') return of('fp8', readBlock(present(config, 'weight_block_size'), 'weight_block_size'))
  if (method === 'compressed-tensors') return compressed(config, of)
  if (method === 'quark') return of(quark(config))
  if (method === 'modelopt' || present(config, 'quant_algo') !== null) return of(modelopt(config))
  throw new UnknownField(
    `quantization_config.quant_method: ${method === '' ? 'missing' : `${method.slice(0, 40)} is not supported on ROCm`}`,
  )
}

function integer(bits: number, method: string): Precision {
  if (bits === 4) return 'int4'
  if (bits === 8) return 'int8'
  throw new UnknownField(`quantization_config.bits: ${method} with ${bits} bits is none of 4 and 8`)
}

type Of = (precision: Precision, block?: number | null) => Quantization

/** compressed-tensors: the first group's weights; all groups that vLLM loads have one kind, but for layers that are left out. */
function compressed(config: Fields, of: Of): Quantization {
  const groups = asFields(present(config, 'config_groups'), 'quantization_config.config_groups')
  const group = asFields(Object.values(groups)[0], 'quantization_config.config_groups')
  const weights = asFields(present(group, 'weights'), 'quantization_config.config_groups.weights')
  const bits = optionalCount(weights, ['num_bits'])
  const type = optionalWord(weights, 'type') ?? 'int'
  if (type === 'int' && bits !== null) return of(integer(bits, 'compressed-tensors'))
  if (type === 'float' && bits === 8) return of('fp8', readBlock(present(weights, 'block_structure'), 'block_structure'))
  if (type === 'float' && bits === 4 && optionalCount(weights, ['group_size']) === 32) return of('mxfp4')
  throw new UnknownField(`quantization_config: ${type.slice(0, 20)} weights of ${bits} bits are not supported on ROCm`)
}

/** Weights of AMD Quark by `global_quant_config.weight.dtype`. */
function quark(config: Fields): Precision {
  const global = asFields(present(config, 'global_quant_config'), 'quantization_config.global_quant_config')
  const weight = asFields(present(global, 'weight'), 'quantization_config.global_quant_config.weight')
  const dtype = optionalWord(weight, 'dtype') ?? ''
  const known: [prefix: string, precision: Precision][] = [
    ['fp8', 'fp8'],
    ['fp4', 'mxfp4'],
    ['int8', 'int8'],
    ['int4', 'int4'],
    ['uint4', 'int4'],
  ]
  const found = known.find(([prefix]) => dtype.startsWith(prefix))
  if (found === undefined)
    throw new UnknownField(`quantization_config.global_quant_config.weight.dtype: no precision for ${JSON.stringify(dtype.slice(0, 40))}`)
  return found[1]
}

function modelopt(config: Fields): Precision {
  const inner = present(config, 'quantization')
  const algorithm = optionalWord(config, 'quant_algo') ?? (isFields(inner) ? optionalWord(inner, 'quant_algo') : null) ?? ''
  if (algorithm.toUpperCase().startsWith('FP8')) return 'fp8'
  throw new UnknownField(`quantization_config.quant_algo: ${algorithm.slice(0, 40) || 'missing'} is not supported on ROCm`)
}

/** Side of square blocks: `[128, 128]`, or `128x128`; null without blocks. */
function readBlock(value: unknown, name: string): number | null {
  if (value === null) return null
  const text = typeof value === 'string' ? value.split('x').map(Number) : value
  const sides = optionalList({ [name]: text }, name) ?? []
  const side = optionalCount({ [name]: sides[0] }, [name])
  if (side === null || sides.length !== 2 || sides[1] !== side) throw new UnknownField(`${name}: only square blocks are known`)
  return side
}
