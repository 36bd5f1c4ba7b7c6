/** Number formats that weights are kept in. `bf16` stands for all 16-bit floats. */
export const PRECISIONS = ['bf16', 'fp8', 'int8', 'int4', 'mxfp4'] as const
export type Precision = (typeof PRECISIONS)[number]

/** One kind of GPU: a row of `recipes/hardware.yaml`. Null or absent: no source was found, so nothing is claimed. */
export type Card = {
  /** As users say it: `MI300X`. A die of an MI250X is one GPU. */
  name: string
  arch: string
  /** PCI device ids, also of virtual functions. */
  deviceIds: number[]
  vramBytes: number
  /** Memory bandwidth, bytes per second. */
  bandwidth: number | null
  /** Peak dense rate of the matrix cores by format, FLOP per second. */
  flops: { bf16?: number; fp8?: number; int8?: number; mxfp4?: number }
  /** To all GPUs of the same hive together, one direction, bytes per second. */
  linkBandwidth: number | null
  watts: number | null
  /** Which fp8 the matrix cores compute in; null: none. */
  fp8: 'fnuz' | 'ocp' | null
  /** Whether mxfp4 runs in hardware. */
  mxfp4: boolean
}

/** Formats that the settings of a recipe make an engine compute in, beside that of the weights. */
export function computedFormats({ kvDtype, quantization }: { kvDtype?: 'auto' | 'fp8'; quantization?: string }): Precision[] {
  const converted = PRECISIONS.find((precision) => quantization?.includes(precision) === true)
  return [...(kvDtype === 'fp8' ? (['fp8'] as const) : []), ...(converted === undefined ? [] : [converted])]
}

/**
 * Whether weights of this precision run well on the card. int4 is weight-only and runs everywhere; fp8 needs matrix cores that have it
 * (vLLM believes that gfx90a has, and fails late: vllm-project/vllm#16394).
 */
export function canCompute(card: Pick<Card, 'fp8' | 'mxfp4'>, precision: Precision): boolean {
  return precision === 'fp8' ? card.fp8 !== null : true
}
