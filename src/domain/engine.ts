/** The backends that can serve a model. */
export const BACKENDS = ['llamacpp', 'vllm', 'sglang', 'custom'] as const
export type Backend = (typeof BACKENDS)[number]

/** How one replica is spread over GPUs: `tensor` x `pipeline` x `data` of them. `expert`: routed experts are spread, not cut. */
export type Parallelism = { tensor: number; pipeline: number; data: number; expert: boolean }

/** Controls that several backends know under different names. What is absent is the backend's own default. */
export type EngineSettings = {
  dtype?: 'auto' | 'bfloat16' | 'float16'
  quantization?: string
  /** vLLM: share of the whole memory of a GPU. SGLang: share for weights and KV cache. */
  memoryFraction?: number
  kvDtype?: 'auto' | 'fp8'
  prefixCache?: boolean
  chunkedPrefill?: boolean
  /** Tokens of one forward step: how large a chunk of a prompt may be. */
  maxBatchedTokens?: number
  /** Requests that run at the same time. */
  maxSequences?: number
  /** False: no graphs are captured (slower, less memory). */
  graphs?: boolean
  /** Largest batch that a graph is captured for. */
  graphMaxBatch?: number
  /** Weights kept in system memory, and KV cache that may spill there; bytes for each GPU. */
  weightOffloadBytes?: number
  kvOffloadBytes?: number
  /** Tokens between two messages of a streamed answer. */
  streamInterval?: number
  attentionBackend?: string
  toolParser?: string
  reasoningParser?: string
  /** The repository's own code may run: only by consent of the policy. */
  trustRemoteCode?: boolean
}

/** One engine of a group over several machines; `leader` is host:port of rank 0. */
export type EngineGroup = { nodes: number; rank: number; leader: string }

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
  /** Memory that must be free on each of them before it starts, as the plan counted it; the backend's own rule when absent. */
  needBytes?: number
  parallel: Parallelism
  settings: EngineSettings
  /** Command of the `custom` backend, with placeholders. */
  command?: string[]
  group?: EngineGroup
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
