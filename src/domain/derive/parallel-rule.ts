import type { Backend, Parallelism } from '../engine.js'
import type { Card } from '../hardware.js'
import type { ModelShape, ModelVariant } from '../model.js'
import { parallelismProblem } from '../parallelism.js'
import type { DerivedObjective } from './case.js'

type Asked = {
  shape: ModelShape
  variant: Pick<ModelVariant, 'block' | 'weightBytes'>
  card: Pick<Card, 'vramBytes'>
  count: number
  backend: Backend
  objective: DerivedObjective
}

/**
 * How a derived recipe spreads a model over `count` GPUs; null when nothing divides it. Tensor parallel over all of them, but for throughput
 * a dense model is copied as often as a copy fits into half of the memory it is given: what is left serves more requests than a wider cut
 * (ROCm's vLLM guide, "Maximizing instances per node"). Experts are spread where throughput counts and attention is latent (vLLM recipes,
 * DeepSeek), or where their width cannot be cut; else they are cut, as ROCm's guide advises inside one node.
 */
export function parallelRule(asked: Asked): Parallelism | null {
  const { shape, card, count, objective, variant } = asked
  if (objective === 'latency' || shape.experts !== null) return whole(asked)
  for (let tensor = 1; tensor < count; tensor *= 2) {
    const copies = { tensor, pipeline: 1, data: count / tensor, expert: false }
    if (variant.weightBytes / tensor <= card.vramBytes / 2 && works(asked, copies)) return copies
  }
  return whole(asked)
}

function whole(asked: Asked): Parallelism | null {
  const { shape, count, objective } = asked
  const cut = { tensor: count, pipeline: 1, data: 1, expert: false }
  const spread = { ...cut, expert: true }
  const wide = shape.experts !== null && count > 1
  const preferred = wide && objective === 'throughput' && shape.attention.kind === 'latent' ? [spread, cut] : wide ? [cut, spread] : [cut]
  return preferred.find((parallel) => works(asked, parallel)) ?? null
}

function works({ shape, variant, backend }: Asked, parallel: Parallelism): boolean {
  return parallelismProblem(shape, variant.block, parallel, backend) === null
}
