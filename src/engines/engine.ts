import type { Backend, EngineCommand, EngineSpec } from '../domain/engine.js'
import type { ReportedMemory } from '../domain/measurement.js'
import type { WeightFormat } from '../domain/recipe.js'
import type { MetricNames } from './metrics.js'
import type { Words } from './words.js'

/** The programs of this node that engines are started with; absolute paths. Null: the node has none. */
export type EngineTools = { node: string; llamacppServer: string; vllm: string | null; sglang: string | null }

/** Address that the engine must listen on. */
export type Bind = { host: string; port: number }

/**
 * How an engine ended: exit code or signal (both null when nobody saw it), and the last lines of its log, oldest first. `stalled`: it
 * did not end by itself, it stood still.
 */
export type EngineEnd = { code: number | null; signal: string | null; logTail: readonly string[]; stalled?: boolean }

/** What the engine's own words give for the next attempt; `maxContext` in tokens. */
export type FailureFacts = { maxContext?: number }

/** Why it ended: a class of the failure table, the line that says so, what to do next, and figures for it. */
export type Failure = { failure: string; lastLine: string; hint: string; facts: FailureFacts }

/** Paths that an engine answers on. `alive` may compute something; `ready` answers at once, 200 when it takes requests. */
export type Endpoints = {
  ready: string
  alive: string
  /** Seconds that an answer of `alive` may take. */
  aliveSeconds: number
  models: string
  /** Prometheus text; null: it has none that we know. */
  metrics: string | null
}

/** All that differs between backends, as pure functions. */
export interface Engine {
  readonly backend: Backend
  /** Formats of weights that it loads. */
  readonly formats: readonly WeightFormat[]
  /** How our settings are said on its command line. */
  readonly words: Words
  /** Flags that are nobody's to give, by what says the same in a recipe, or who decides it. */
  readonly reserved: Readonly<Record<string, string>>
  readonly endpoints: Endpoints
  readonly metrics: MetricNames | null
  /** @throws AimError `InvalidInput` for a spec that it cannot serve, `BackendMissing` when the node lacks its program. */
  command(spec: EngineSpec, tools: EngineTools, bind: Bind): EngineCommand
  classify(end: EngineEnd): Failure
  /** What its log says of its KV cache; null: nothing. */
  readMemory(lines: readonly string[]): ReportedMemory | null
}
