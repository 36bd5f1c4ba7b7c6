import type { Parallelism } from '../engine.js'
import type { Card, Precision } from '../hardware.js'
import { kvBytesOfSequence, type KvElementBytes } from '../memory/kv.js'
import type { ModelShape, ModelVariant } from '../model.js'
import { EFFICIENCY } from './efficiency.js'

/**
 * What the figures are to hold for: a closed loop of so many requests, each with a prompt and an answer of that many tokens. An answer is
 * `EFFICIENCY.answerTokens` where nothing is said.
 */
export type Workload = { concurrency: number; promptTokens: number; outputTokens?: number }

/** `share`: part of the card that one GPU is, 1/8 for a CPX partition. */
export type RooflineInput = {
  shape: ModelShape
  variant: Pick<ModelVariant, 'weightBytes' | 'precision'>
  card: Pick<Card, 'bandwidth' | 'flops' | 'linkBandwidth' | 'mxfp4'>
  share: number
  parallel: Parallelism
  kvBytesPerElement: KvElementBytes
}

/**
 * Rates in tokens per second: of one request once it decodes, and of all together from their first prompt token to their last answer token.
 * `ttftMs` of one prompt that waits for no other.
 */
export type Speed = { decodeTokensPerSecond: number; outputTokensPerSecond: number; prefillTokensPerSecond: number; ttftMs: number }

/** Rates of one GPU, in bytes and FLOP per second, after `EFFICIENCY`. */
type Rates = { bandwidth: number; flops: number; attentionFlops: number; link: number }

/**
 * Speed by the roofline: a decode step reads the weights that its tokens pass through and the KV cache of each sequence, or computes,
 * whichever takes longer; all-reduces and overheads come on top. Between the steps a replica computes the prompts of requests that follow:
 * for each answer of a request one prompt of each. Null when the table has no bandwidth or no rate of the card for this precision.
 */
export function roofline(input: RooflineInput, workload: Workload): Speed | null {
  const rates = ratesOf(input)
  if (rates === null) return null
  const { concurrency, promptTokens, outputTokens = EFFICIENCY.answerTokens } = workload
  const { data, pipeline } = input.parallel
  const step = decodeSeconds(input, rates, concurrency, promptTokens + outputTokens / 2)
  const compute = promptSeconds(input, rates, promptTokens)
  const busy = compute / pipeline / outputTokens
  const eachReplica = Math.ceil(concurrency / data)
  const alone = firstTokenSeconds(input, rates, compute)
  return {
    decodeTokensPerSecond: 1 / (step + (eachReplica - 1) * busy),
    outputTokensPerSecond: concurrency / (step + eachReplica * busy),
    prefillTokensPerSecond: (promptTokens * data) / alone,
    ttftMs: (alone + EFFICIENCY.firstTokenOverhead) * 1000,
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
function decodeSeconds(input: RooflineInput, rates: Rates, concurrency: number, contextTokens: number): number {
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
  const kv = kvBytesOfSequence(shape, parallel, kvBytesPerElement, contextTokens) * part * pipeline
  const memory = (weights + kv) / rates.bandwidth
  const compute = (2 * active * part) / (tensor * rates.flops)
  const requests = EFFICIENCY.requestOverhead * eachReplica
  return Math.max(memory, compute) + allReduces(input, rates, part) + layerOverheads(shape) + requests
}

/** What a prompt keeps all stages busy for, one after the other; its attention costs the square of its length, half of it by causality. */
function promptSeconds(input: RooflineInput, rates: Rates, promptTokens: number): number {
  const { shape, parallel } = input
  const linear = (2 * shape.parameters.active * promptTokens) / (parallel.tensor * rates.flops)
  const width = attentionWidth(shape)
  const attention = (2 * shape.layers * promptTokens * seenTokens(shape, promptTokens) * width) / (parallel.tensor * rates.attentionFlops)
  return linear + attention + allReduces(input, rates, promptTokens)
}

/** A prompt in a step of its own reads the weights, too, and no other step hides what its layers cost. */
function firstTokenSeconds({ shape, variant, parallel }: RooflineInput, rates: Rates, compute: number): number {
  const reading = variant.weightBytes / (parallel.tensor * rates.bandwidth)
  return Math.max(compute, reading) + layerOverheads(shape)
}

function layerOverheads({ layers, experts }: ModelShape): number {
  return layers * EFFICIENCY.layerOverhead + (experts?.layers ?? 0) * EFFICIENCY.expertOverhead
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

/** Two all-reduces a layer of 16-bit activations; a ring sends 2 (n-1)/n of the message over each GPU's links. Their latency is the layer's. */
function allReduces({ shape, parallel }: RooflineInput, rates: Rates, tokens: number): number {
  const { tensor } = parallel
  const bytes = (2 * (tensor - 1) * tokens * shape.hidden * 2) / tensor
  return (2 * shape.layers * bytes) / rates.link
}
