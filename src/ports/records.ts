import type { Measurement } from '../domain/measurement.js'
import type { Plan } from '../domain/plan.js'
import type { AttemptRecord, DeploymentHistory, DeploymentRecord } from '../contracts/records.js'

export type { AttemptRecord, DeploymentHistory, DeploymentRecord } from '../contracts/records.js'

/** What outlives Temporal's retention. Every write may be repeated and changes nothing the second time. */
export interface Records {
  begin(record: Pick<DeploymentRecord, 'workflowId' | 'runId' | 'kind' | 'endpoint' | 'actor' | 'reason' | 'request'>): Promise<void>
  savePlan(run: { workflowId: string; runId: string }, plan: Plan): Promise<void>
  saveAttempt(attempt: AttemptRecord): Promise<void>
  finish(run: { workflowId: string; runId: string }, end: Pick<DeploymentRecord, 'state' | 'revision' | 'error' | 'result'>): Promise<void>
  /** Highest endpoint revision ever recorded for this endpoint; 0 when there is none. */
  lastRevision(endpoint: string): Promise<number>
  /** What a launch showed of memory and speed, for the next plan of the same kind: it replaces what was kept of that kind before. */
  saveMeasurement(measurement: Measurement): Promise<void>
  /** What is known of these repositories. */
  measurements(models: string[]): Promise<Measurement[]>
  /** Newest first. Null: flows of the cache. */
  history(endpoint: string | null, limit: number): Promise<DeploymentHistory[]>
  close(): Promise<void>
}
