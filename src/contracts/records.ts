import type { Plan } from '../domain/plan.js'

/** One flow that a person or a schedule started, as it is kept beyond Temporal's retention. Times are ISO 8601. */
export type DeploymentRecord = {
  workflowId: string
  runId: string
  kind: 'deploy' | 'undeploy' | 'warm' | 'refresh'
  /** Null: a flow of the cache. */
  endpoint: string | null
  /** Number of the endpoint revision that this deploy made; null when it made none. */
  revision: number | null
  actor: string
  reason: string | null
  request: unknown
  state:
    | 'running'
    | 'deployed'
    | 'unchanged'
    | 'planned'
    | 'stopped'
    | 'absent'
    | 'warmed'
    | 'partly warmed'
    | 'refreshed'
    | 'partly refreshed'
    | 'failed'
    | 'cancelled'
  startedAt: string
  endedAt: string | null
  error: { code: string; message: string } | null
  result: unknown
}

/** One try to launch one candidate. No secret is in `argv` or `env`. */
export type AttemptRecord = {
  workflowId: string
  runId: string
  number: number
  recipe: string
  node: string
  engine: string
  argv: string[]
  env: Record<string, string>
  outcome: 'ready' | 'failed'
  failure: string | null
  logTail: string[]
  startedAt: string
  endedAt: string
}

/** A deployment with all that was kept about it. */
export type DeploymentHistory = DeploymentRecord & { plan: Plan | null; attempts: AttemptRecord[] }
