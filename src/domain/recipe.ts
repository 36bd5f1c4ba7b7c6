import type { Backend, EngineSettings, Parallelism } from './engine.js'
import type { Precision } from './hardware.js'

/** How weights are stored: what a backend must be able to load. */
export type WeightFormat = 'gguf' | 'safetensors'

/** What a deployment is to be best at. */
export const OBJECTIVES = ['balanced', 'latency', 'throughput', 'cost'] as const
export type Objective = (typeof OBJECTIVES)[number]

/**
 * How far a recipe can be trusted: its settings were published for this very case, are the user's own, were published as not tuned, follow from
 * our rule, or name no model.
 */
export type RecipeOrigin = 'published' | 'user' | 'untuned' | 'derived' | 'generic'

/** A measured run of a recipe. Rates in output tokens per second over all requests, times in ms. */
export type Benchmark = {
  card: string
  concurrency: number
  promptTokens: number | null
  outputTokensPerSecond: number
  ttftMs: number | null
  source: string
}

/** How one model runs on one kind of hardware. Plain data, from YAML or from the rule that derives it. */
export type Recipe = {
  id: string
  origin: RecipeOrigin
  /** Repository of the weights, or `*` for any. */
  model: string
  /** Null: whatever the repository holds. */
  precision: Precision | null
  backend: Backend
  /** Version of the backend that the flags are written for: a catalogue in `recipes/engines/`. Null: not checked. */
  version: string | null
  format: WeightFormat
  /** `cards` by their names in the hardware table. */
  hardware: { kind: 'cpu' } | { kind: 'gpu'; count: number; cards: string[] }
  parallel: Parallelism
  /** What its settings are best at; null: nothing in particular. */
  objective: Exclude<Objective, 'cost'> | null
  context?: number
  settings: EngineSettings
  /** Flags of the backend itself, by their full name without dashes: what `settings` has no word for. */
  args: Record<string, string | number | boolean>
  env: Record<string, string>
  /** Container image that it was published with. */
  image?: string
  /** Command of the `custom` backend; see `engines/custom.ts`. */
  command?: string[]
  benchmarks: Benchmark[]
  /** Where the settings come from; for a derived recipe, the rule. */
  source: string
}
