import type { EngineKey, EngineSpec } from '../domain/engine.js'
import type { Presence } from '../domain/lease.js'
import type { Plan } from '../domain/plan.js'
import type { DeployRequest } from './deploy.js'
import type { Weights } from './model.js'

/** One running engine of an endpoint, and all that is needed to start it again. */
export type Replica = {
  key: EngineKey
  nodeId: string
  /** The node's hardware is a captured inventory. */
  simulated?: true
  spec: EngineSpec
  url: string
  pid: number
  /** Size of its weights, in bytes. */
  weightBytes: number
}

/** One resolved, immutable spec of an endpoint. Times are ISO 8601. */
export type EndpointRevision = {
  revision: number
  model: string
  commit: string
  recipe: string
  /** Fingerprint of all that decides what runs: the same spec is not deployed twice. */
  specFingerprint: string
  deployedAt: string
  deployedBy: string
  /** What was asked for: a repair plans by it again. */
  request: DeployRequest
}

/** One thing that the endpoint's own workflow did about a problem. `at` is ISO 8601. */
export type HealingStep = {
  at: string
  did: 'restart' | 'repair' | 'rollback' | 'adopt' | 'gave up'
  why: string
  outcome: 'done' | 'failed' | 'running'
  detail: string
}

/** `repairing`: it comes back in another place or revision, or waits for its node. */
export type EndpointPhase = 'deploying' | 'serving' | 'restarting' | 'repairing' | 'degraded' | 'stopping'

/** Who holds the one-operation lock of an endpoint. */
export type Operation = {
  kind: 'deploy' | 'undeploy' | 'repair'
  workflowId: string
  runId: string
  requestFingerprint: string
  fence: number
}

/** Answer of the query `endpoint` on `endpoint/<name>`. */
export type EndpointView = {
  endpoint: string
  phase: EndpointPhase
  /** Why it is not serving, or may not be; null when it is. */
  reason: string | null
  revision: EndpointRevision | null
  replica: Replica | null
  operation: Operation | null
  restarts: number
  lastRestart: { at: string; why: string; downMs: number | null } | null
  /** What its node says of itself. */
  presence: Presence
  /** The newest things that were done about problems, oldest first. */
  healing: HealingStep[]
  /** What comes next, in words; null: nothing but watching. */
  next: string | null
}

/** Result of `deployModel`. */
export type DeployResult = {
  endpoint: string
  outcome: 'deployed' | 'unchanged' | 'planned'
  revision: number | null
  url: string | null
  /** Name that clients send as `model`. */
  served: string
  model: { repo: string; commit: string }
  /** Null only for a plan in which nothing fits. */
  recipe: string | null
  backend: string | null
  node: string | null
  gpus: number[]
  /** What was asked for and is not given, in words; null: all was given. */
  gaveUp: string | null
  /** Tries that it took. */
  attempts: number
  /** The hardware is a captured inventory. */
  simulated: boolean
  cache: 'hit' | 'miss' | null
  /** Bytes of its weights, and of them those that were fetched now, by kind of place; null when none were asked for. */
  weights: Pick<Weights, 'bytes' | 'fetchedBytes' | 'sources'> | null
  /** The completion that proved readiness; null when nothing was started. */
  proof: { text: string; tokens: number; ms: number } | null
  /** Milliseconds by step. */
  timings: Record<string, number>
  plan: Plan
}

/** Result of `undeployModel`. `silent` names the nodes that did not answer: what runs there ends when they are back. `undying` says what nothing ended, and where. */
export type UndeployResult = {
  endpoint: string
  outcome: 'stopped' | 'absent'
  stopped: { node: string; engine: string }[]
  silent: string[]
  undying: string[]
}
