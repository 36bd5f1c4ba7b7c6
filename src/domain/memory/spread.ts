import type { Backend, Parallelism } from '../engine.js'
import type { ModelShape, ModelVariant } from '../model.js'
import { layerWidth } from './activations.js'
import { kvLayers, kvParallelism, type KvElementBytes, type KvLayers } from './kv.js'
import { weightBytesPerGpu } from './weights.js'

/** Weights of a model over the GPUs of a replica: what their fit starts from, on GPUs of any size and whatever share of them is given. */
export type Spread = {
  shape: ModelShape
  backend: Backend
  parallel: Parallelism
  /** Of the whole model, and of the fullest GPU. */
  modelBytes: number
  weightBytes: number
  /** What a token of a forward step takes in the widest part of a layer, in elements. */
  layerWidth: number
  layers: KvLayers
}

export function spreadOf(
  shape: ModelShape,
  variant: Pick<ModelVariant, 'weightBytes'>,
  backend: Backend,
  parallel: Parallelism,
  kvElementBytes: KvElementBytes,
): Spread {
  return {
    shape,
    backend,
    parallel,
    modelBytes: variant.weightBytes,
    weightBytes: weightBytesPerGpu(shape, variant, parallel, backend),
    layerWidth: layerWidth(shape, backend, parallel),
    layers: kvLayers(shape, kvParallelism(backend, parallel), kvElementBytes),
  }
}
