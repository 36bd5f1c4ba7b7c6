/** The backends that can serve a model. */
export const BACKENDS = ['llamacpp', 'vllm'] as const
export type Backend = (typeof BACKENDS)[number]

/**
 * Names one start of one engine. Launching a live key adopts it; an ended key never starts again.
 * `fence` grows with each operation on the endpoint, `launch` with each start inside it; both come from workflow state.
 */
export type EngineKey = { namespace: string; endpoint: string; replica: number; fence: number; launch: number }

/** What one engine is to serve, before a backend has turned it into a command. Plain data: it crosses workflow histories. */
export type EngineSpec = {
  backend: Backend
  /** Name that clients send as `model`. */
  servedName: string
  /** Snapshot folder of the weights on the node. */
  modelPath: string
  /** File inside the snapshot, for backends that load one file (GGUF). */
  modelFile?: string
  /** Longest context in tokens; the backend's own default when absent. */
  context?: number
  /** Fixed port; the node chooses a free one when absent. */
  port?: number
  /** Indices of the GPUs the engine may use; empty means CPU. */
  gpus: number[]
  /** Flags of the backend by their full name without dashes; `true` is a bare switch. */
  args: Record<string, string | number | boolean>
  env: Record<string, string>
}

/** Seconds that an engine has to end its running requests before it is killed, where nobody asked for another time. */
export const GRACE_SECONDS = 10

/** A command without a shell. `argv[0]` is an absolute path. */
export type EngineCommand = { argv: [string, ...string[]]; env: Record<string, string> }

/** Where an engine stands. `since` is ISO 8601. */
export type EngineState =
  | { phase: 'running'; pid: number; url: string; port: number; since: string; adopted: boolean }
  | { phase: 'exited'; code: number | null; signal: string | null; logTail: string[]; endedAt: string | null }
  | { phase: 'absent' }

/** One path-safe name for a key: `<namespace>/<endpoint>/<replica>/<fence>/<launch>`. */
export function engineKeyName(key: EngineKey): string {
  return [key.namespace, key.endpoint, key.replica, key.fence, key.launch].join('/')
}
