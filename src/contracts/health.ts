import { z } from 'zod'
import type { ReplicaEvidence } from '../domain/health/evidence.js'
import type { Presence } from '../domain/lease.js'
import type { EndpointPhase, HealingStep } from './endpoint.js'
import { EndpointName } from './names.js'

/** Input of `healthCheck`. */
export const HealthRequest = z.strictObject({
  endpoint: EndpointName,
  reason: z.string().max(500, 'must be at most 500 characters').optional(),
})
export type HealthRequest = z.infer<typeof HealthRequest>

/** What was found out about one replica. `evidence` is null when its node could not be asked, and `problem` says why. */
export type CheckedReplica = {
  replica: number
  node: string
  presence: Presence
  engine: string
  /** Its node's hardware is a captured inventory. */
  simulated?: true
  evidence: ReplicaEvidence | null
  problem: string | null
}

/** Result of `healthCheck`. `well`: every replica answers. Times are ISO 8601. */
export type HealthReport = {
  endpoint: string
  at: string
  outcome: 'well' | 'unwell' | 'absent'
  phase: EndpointPhase | null
  reason: string | null
  replicas: CheckedReplica[]
  /** What the endpoint's own workflow did, and does next. */
  healing: HealingStep[]
  next: string | null
}

/** The schedule of an endpoint's checks, as it stands. `every` in ms, times are ISO 8601. */
export type HealthSchedule = { id: string; endpoint: string; every: number | null; paused: boolean; nextRuns: string[] }
