import type { EngineSettings, Parallelism } from '../engine.js'
import type { Card } from '../hardware.js'
import type { ModelShape, ModelVariant } from '../model.js'
import type { Objective } from '../recipe.js'

/** Backends that recipes are derived for, and the version that the flags of the rule are written for. */
export const DERIVED_BACKENDS = { vllm: '0.32.0', sglang: '0.5.23' } as const
export type DerivedBackend = keyof typeof DERIVED_BACKENDS
export type DerivedObjective = Extract<Objective, 'latency' | 'throughput'>

/** One combination that a recipe is derived for. */
export type Case = {
  shape: ModelShape
  variant: ModelVariant
  card: Card
  backend: DerivedBackend
  objective: DerivedObjective
  parallel: Parallelism
}

/** What a rule gives to each combination that meets all of `when`. */
export type Rule = {
  when: {
    backend?: DerivedBackend
    /** Architectures of the GPU, `gfx942`. */
    archs?: readonly string[]
    objective?: DerivedObjective
    attention?: ModelShape['attention']['kind']
    /** Architecture of the model, as in its config.json. */
    model?: string
    /** Of the weights: `quant_method` of its config.json. */
    method?: string
    /** One copy of the model is cut over several GPUs. */
    cut?: true
    /** There are several copies. */
    copies?: true
    /** Bytes of all weights. */
    weightsOver?: number
    repo?: RegExp
  }
  settings?: EngineSettings
  args?: Record<string, string | number | boolean>
  env?: Record<string, string>
  source: string
}
