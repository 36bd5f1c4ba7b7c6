import type { ModelShape } from '../model.js'
import { UnknownField } from './fields.js'

/** What the count is made of, beside the shape: parameters of one layer's attention, and the width of its shared experts. */
export type Countable = Omit<ModelShape, 'parameters'> & { attentionParameters: number; sharedWidth: number; gated: boolean }

/** Parameters by the shape: embedding and head, attention, feed-forward (3 matrices, 2 where it has no gate), routers, norms. */
export function countParameters(model: Countable): ModelShape['parameters'] & { plain: number } {
  const { layers, hidden, intermediate, vocab, tiedEmbeddings, experts, attentionParameters, sharedWidth } = model
  const matrices = model.gated ? 3 : 2
  const expertLayers = experts?.layers ?? 0
  const expert = matrices * hidden * (experts?.intermediate ?? 0)
  const routed = expertLayers * (experts?.total ?? 0) * expert
  const routers = expertLayers * (experts?.total ?? 0) * hidden
  const plain = vocab * hidden * (tiedEmbeddings ? 1 : 2) + layers * 2 * hidden + routers
  const feedForward = matrices * hidden * ((layers - expertLayers) * intermediate + expertLayers * sharedWidth)
  const total = plain + layers * attentionParameters + feedForward + routed
  return { total, active: total - routed + expertLayers * (experts?.perToken ?? 0) * expert, experts: routed, plain }
}

/** A count this near to what the weights say is taken as right, and the weights' own figure is used. */
const NEAR = 1.25

/** Further apart than this, config and weights do not belong together. */
const FAR = 2

/**
 * The count, checked against the size of the weights: `plain` parameters (embedding, head, norms, routers) are 16-bit, the others take
 * `bytes` each. Within a quarter, all parts are scaled to the weights' figure (biases, norms of heads and the like are not counted); up to
 * twice, the count stands, since files may hold what a backend leaves out (towers for images, layers for speculation).
 */
export function checkParameters(
  counted: ModelShape['parameters'] & { plain: number },
  weightBytes: number,
  bytes: number,
): ModelShape['parameters'] {
  const plainBytes = Math.max(2, bytes)
  const expected = counted.plain * plainBytes + (counted.total - counted.plain) * bytes
  const ratio = weightBytes / expected
  if (ratio > FAR || ratio < 1 / FAR) {
    throw new UnknownField(
      `weightBytes: ${Math.round(weightBytes / 1e6)} MB of weights are not the ${Math.round(expected / 1e6)} MB that config.json describes`,
    )
  }
  const scale = ratio <= NEAR && ratio >= 1 / NEAR ? ratio : 1
  const total = Math.round(counted.total * scale)
  return { total, active: Math.round(counted.active * scale), experts: Math.round(counted.experts * scale) }
}
