import type { Card } from '../hardware.js'
import type { Measurement } from '../measurement.js'
import type { ModelFacts } from '../model.js'
import type { NodeInspection } from '../node.js'
import type { Recipe } from '../recipe.js'
import type { Prices, Requirements } from '../requirements.js'

/** What the endpoint's own engine holds now: a new one takes its place, so its memory counts as free. */
export type Current = { node: string; gpus: number[]; weightBytes: number }

/** All that a plan depends on, in any order. `recipes` may hold those of other models; `hardware` is the hardware table. */
export type PlanInput = {
  model: ModelFacts
  nodes: NodeInspection[]
  recipes: Recipe[]
  hardware: readonly Card[]
  requirements: Requirements
  current: Current | null
  prices: Prices | null
  measurements: Measurement[]
}
