import type { Backend, EngineCommand, EngineSpec } from '../domain/engine.js'

/** The programs of this node that engines are started with; absolute paths. `vllm` is null when the node has none. */
export type EngineTools = { node: string; llamacppServer: string; vllm: string | null }

/** Address that the engine must listen on. */
export type Bind = { host: string; port: number }

export type WeightFormat = 'gguf' | 'safetensors'

/** How an engine ended: exit code or signal (both null when nobody saw it), and the last lines of its log, oldest first. */
export type EngineEnd = { code: number | null; signal: string | null; logTail: readonly string[] }

/** Why it ended: a class of the failure table, the line that says so, and what to do next. */
export type Failure = { failure: string; lastLine: string; hint: string }

/** All that differs between backends, as pure functions. */
export interface Engine {
  readonly backend: Backend
  /** Formats of weights that it loads. */
  readonly formats: readonly WeightFormat[]
  /** @throws AimError `InvalidInput` for a spec that it cannot serve, `BackendMissing` when the node lacks its program. */
  command(spec: EngineSpec, tools: EngineTools, bind: Bind): EngineCommand
  classify(end: EngineEnd): Failure
}
