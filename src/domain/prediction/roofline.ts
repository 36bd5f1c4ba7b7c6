import type { Parallelism } from '../engine.js'
import type { Card, Precision } from '../hardware.js'
import { kvBytesOfSequence, type KvElementBytes } from '../memory/kv.js'
import type { ModelShape, ModelVariant } from '../model.js'
import { EFFICIENCY } from './efficiency.js'

/** What the figures are to hold for: requests at the same time, and tokens of each prompt and of the context so far. */
export type Workload = { concurrency: number; promptTokens: number }

/** `share`: part of the card that one GPU is, 1/8 for a CPX partition. */
export type RooflineInput = {
  shape: ModelShape
  variant: Pick<ModelVariant, 'weightBytes' | 'precision'>
  card: Pick<Card, 'bandwidth' | 'flops' | 'linkBandwidth' | 'mxfp4'>
  share: number
  parallel: Parallelism
  kvBytesPerElement: KvElementBytes
}

/** Rates in tokens per second, `ttftMs` of one prompt that waits for no other. */
export type Speed = { decodeTokensPerSecond: number; outputTokensPerSecond: number; prefillTokensPerSecond: number; ttftMs: number }

/** Rates of one GPU, in bytes and FLOP per second, after `EFFICIENCY`. */
type Rates = { bandwidth: number; flops: number; attentionFlops: number; link: number }

/**
 * Speed by the roofline: a decode step reads the weights that its tokens pass through and the KV cache of each sequence, or computes,
 * whichever takes longer; two all-reduces a layer come on top. Null when the table has no bandwidth or no rate of the card for this precision.
 */
export function roofline(input: RooflineInput, workload: Workload): Speed | null {
  const rates = ratesOf(input)
  if (rates === null) return null
  const step = decodeSeconds(input, rates, workload)
  const prefill = prefillSeconds(input, rates, workload.promptTokens)
  return {
    decodeTokensPerSecond: 1 / step,
    outputTokensPerSecond: workload.concurrency / step,
    prefillTokensPerSecond: (workload.promptTokens * input.parallel.data) / prefill,
    ttftMs: prefill * 1000,
  }
}

/** Weights of 4 bits are widened to bf16 before they are multiplied, but for mxfp4 on cards whose matrix cores take it. */
export function computePrecision(card: Pick<Card, 'mxfp4'>, precision: Precision): 'bf16' | 'fp8' | 'int8' | 'mxfp4' {
  if (precision === 'int4') return 'bf16'
  return precision === 'mxfp4' && !card.mxfp4 ? 'bf16' : precision
}

function ratesOf({ card, share, variant }: RooflineInput): Rates | null {
  const flops = card.flops[computePrecision(card, variant.precision)]
  const { bf16 } = card.flops
  if (card.bandwidth === null || flops === undefined || bf16 === undefined) return null
  return {
    bandwidth: card.bandwidth * share * EFFICIENCY.bandwidth,
    flops: flops * share * EFFICIENCY.compute,
    attentionFlops: bf16 * share * EFFICIENCY.compute,
    link: (card.linkBandwidth ?? EFFICIENCY.pcieBandwidth) * EFFICIENCY.bandwidth,
  }
}

/** A pipeline of P stages works on P parts of the batch at once: a token passes all of them, so the stages' times add up. */
function decodeSeconds(input: RooflineInput, rates: Rates, { concurrency, promptTokens }: Workload): number {
  const { shape, variant, parallel, kvBytesPerElement } = input
  const { tensor, pipeline, data } = parallel
  const { total, active, experts } = shape.parameters
  const eachReplica = Math.ceil(concurrency / data)
  const part = Math.ceil(eachReplica / pipeline)
  const bytesPerParameter = variant.weightBytes / total
  const lookup = shape.tiedEmbeddings ? 0 : shape.vocab * shape.hidden
  const dense = Math.max(0, total - experts - lookup) / tensor
  const routed = (experts * touchedExperts(shape, part * data)) / (tensor * data)
  const weights = (dense + routed) * bytesPerParameter
  const kv = kvBytesOfSequence(shape, parallel, kvBytesPerElement, promptTokens) * part * pipeline
  const memory = (weights + kv) / rates.bandwidth
  const compute = (2 * active * part * pipeline) / (tensor * rates.flops)
  return Math.max(memory, compute) + allReduces(input, rates, part) + EFFICIENCY.stepOverhead
}

/** All stages one after the other for one prompt; its attention costs the square of its length, half of it by causality. */
function prefillSeconds(input: RooflineInput, rates: Rates, promptTokens: number): number {
  const { shape, variant, parallel } = input
  const { active } = shape.parameters
  const linear = (2 * active * promptTokens) / (parallel.tensor * rates.flops)
  const width = attentionWidth(shape)
  const attention = (2 * shape.layers * promptTokens * seenTokens(shape, promptTokens) * width) / (parallel.tensor * rates.attentionFlops)
  const reading = variant.weightBytes / (parallel.tensor * rates.bandwidth)
  return Math.max(linear + attention, reading) + allReduces(input, rates, promptTokens) + EFFICIENCY.stepOverhead
}

/** Share of the routed experts that a batch touches when each token picks its own by chance: 1 - (1 - k/E)^B. */
function touchedExperts({ experts }: ModelShape, tokens: number): number {
  return experts === null ? 0 : 1 - (1 - experts.perToken / experts.total) ** tokens
}

/** Tokens that a layer looks back at, as the mean over the layers: windowed ones see no more than their window. */
function seenTokens({ layers, windowed }: ModelShape, tokens: number): number {
  if (windowed === null) return tokens
  const { layers: short, window } = windowed
  return ((layers - short) * tokens + short * Math.min(window, tokens)) / layers
}

/** Width of queries and keys of all heads. For a latent vector that of the vector itself: an upper bound, as prefill may unpack it. */
function attentionWidth({ attention }: ModelShape): number {
  return attention.heads * (attention.kind === 'grouped' ? attention.headDim : attention.loraRank + attention.ropeDim)
}

/** Two all-reduces a layer of 16-bit activations; a ring sends 2 (n-1)/n of the message over each GPU's links. */
function allReduces({ shape, parallel }: RooflineInput, rates: Rates, tokens: number): number {
  const { tensor } = parallel
  if (tensor === 1) return 0
  const bytes = (2 * (tensor - 1) * tokens * shape.hidden * 2) / tensor
  return 2 * shape.layers * (EFFICIENCY.allReduceLatency + bytes / rates.link)
}
