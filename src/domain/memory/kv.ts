import type { Backend, Parallelism } from '../engine.js'
import type { ModelShape } from '../model.js'
import { kvHeadsPerGpu, layersPerStage } from '../parallelism.js'

/** Bytes of one element of keys and values: 16 bits, or fp8 when the settings say so. */
export type KvElementBytes = 1 | 2

/** Layers of the fullest pipeline stage by what they keep, and what one token costs in one of them on one GPU. */
export type KvLayers = {
  bytesPerLayer: number
  /** Layers that keep every token. */
  full: number
  /** Layers that keep at most `window` tokens of a sequence. */
  windowed: number
  window: number
  kind: 'sliding' | 'chunked'
}

/**
 * What the layers of one GPU keep.
 *
 * Grouped: 2 x max(1, kvHeads // TP) x headDim x bytes a layer. Latent (MLA): (rank + rope) x bytes a layer, never divided by TP, because
 * each rank keeps the whole vector. Sources: vLLM 0.32 `ModelConfig.get_num_kv_heads` and `MLAAttentionSpec`; SGLang 0.5.23
 * `DefaultPoolConfigurator._compute_cell_size`. Data parallelism changes nothing: each replica keeps its own.
 */
export function kvLayers(shape: ModelShape, parallel: Parallelism, bytes: KvElementBytes): KvLayers {
  const { attention, windowed } = shape
  const bytesPerLayer =
    attention.kind === 'latent'
      ? (attention.loraRank + attention.ropeDim) * bytes
      : 2 * kvHeadsPerGpu(attention, parallel.tensor) * attention.headDim * bytes
  return {
    bytesPerLayer,
    full: layersPerStage(shape.layers - (windowed?.layers ?? 0), parallel.pipeline),
    windowed: layersPerStage(windowed?.layers ?? 0, parallel.pipeline),
    window: windowed?.window ?? 0,
    kind: windowed?.kind ?? 'sliding',
  }
}

/**
 * Bytes of KV cache that one more token of a long sequence costs on the fullest GPU: of the layers that keep every token. Windowed layers
 * (gpt-oss, Llama 4, Gemma) cost nothing more once their window is full; `kvBytesOfSequence` counts them.
 */
export function kvBytesPerToken(shape: ModelShape, parallel: Parallelism, bytes: KvElementBytes): number {
  const { bytesPerLayer, full } = kvLayers(shape, parallel, bytes)
  return full * bytesPerLayer
}

/** Bytes that a sequence of that many tokens keeps on the fullest GPU, by kind of layer, before a backend rounds it to blocks. */
export function kvBytesOfSequence(shape: ModelShape, parallel: Parallelism, bytes: KvElementBytes, tokens: number): number {
  const { bytesPerLayer, full, windowed, window } = kvLayers(shape, parallel, bytes)
  return bytesPerLayer * (full * tokens + windowed * Math.min(tokens, window))
}

/** llama.cpp spreads layers, and the cache with them, over all GPUs; the others cut as `parallelism.ts` says. */
export function kvParallelism(backend: Backend, parallel: Parallelism): Parallelism {
  if (backend !== 'llamacpp') return parallel
  return { tensor: 1, pipeline: parallel.tensor * parallel.pipeline, data: parallel.data, expert: false }
}
