import { z } from 'zod'
import type { Candidate, Fallback } from '../domain/plan.js'
import type { ReportedMemory } from '../domain/measurement.js'
import type { AttemptRecord } from './records.js'
import type { Replica } from './endpoint.js'
import type { Weights } from './model.js'
import { PinnedModel } from './model.js'
import { EndpointName, NodeId, Port } from './names.js'

/** How far a flow may go when a candidate fails: not at all, over all that meets the request, or also over what gives something up. */
export const FALLBACK_MODES = ['none', 'meets', 'any'] as const
export type FallbackMode = (typeof FALLBACK_MODES)[number]

/** How many tries, and for how long, before it ends with the reasons. */
export const Budget = z.strictObject({
  attempts: z.int().min(1, 'must be 1 or higher').max(50, 'must be 50 or lower').default(6),
  minutes: z.number().positive('must be above 0').max(1_440, 'must be 1440 or lower').default(120),
})
export type Budget = z.infer<typeof Budget>

/** Whether a person is asked before the precision drops or the hardware changes, and how long the answer may take. No answer is a no. */
export const Approval = z.strictObject({
  required: z.boolean().default(false),
  minutes: z.number().positive('must be above 0').max(10_080, 'must be 10080 or lower').default(60),
})
export type Approval = z.infer<typeof Approval>

export const FallbackPolicy = z.strictObject({
  mode: z.enum(FALLBACK_MODES).default('meets'),
  budget: Budget.prefault({}),
  approval: Approval.prefault({}),
})
export type FallbackPolicy = z.infer<typeof FallbackPolicy>

const Run = z.strictObject({ workflowId: z.string(), runId: z.string() })
/** The plan's own data, which this project made and kept: only what a mistake by hand would break is checked. */
const Placed = z.looseObject({ recipe: z.string(), model: z.string(), node: NodeId, gpus: z.array(z.int()), backend: z.string() })

/** Input of `recipeFallback`: a child of a deploy. `holder` is the flow that holds the endpoint's lock; leases are reserved for it. */
export const FallbackRequest = z.strictObject({
  endpoint: EndpointName,
  replica: z.int().min(0).default(0),
  /** The model that was named; candidates of another repository are pinned by the flow. */
  model: PinnedModel,
  candidates: z.array(Placed).min(1, 'must name at least one'),
  fallback: z.array(Placed),
  port: Port.optional(),
  /** What serves now and has to make way; null: nothing, or it is gone. */
  current: z.looseObject({ nodeId: NodeId }).nullable(),
  policy: FallbackPolicy.prefault({}),
  holder: Run,
  /** Tells the parent how far it is. */
  parent: Run.nullable().default(null),
})
export type FallbackRequest = Omit<z.infer<typeof FallbackRequest>, 'candidates' | 'fallback' | 'current'> & {
  candidates: Candidate[]
  fallback: Fallback[]
  current: Replica | null
}

/** Which engine serves in the end, after which tries. `gaveUp`: what was asked for and is not given, in words; null: nothing. */
export type FallbackResult = {
  /** `conflict`: every candidate that was left is leased to others, so the plan is old. */
  outcome: 'ready' | 'conflict'
  ready: {
    candidate: Candidate
    model: { repo: string; commit: string }
    replica: Replica
    weights: Weights
    proof: { text: string; tokens: number; ms: number }
    memory: ReportedMemory | null
    gaveUp: string | null
  } | null
  attempts: Omit<AttemptRecord, 'workflowId' | 'runId'>[]
}

/** Updates and query of `recipeFallback`. `who` is kept in the history. */
export const APPROVE_UPDATE = 'approve'
export const REJECT_UPDATE = 'reject'
export const APPROVAL_QUERY = 'approval'
export type ApprovalAnswer = { by: string; reason?: string }
/** What it waits for; null: nobody is asked. `until` is ISO 8601. */
export type ApprovalView = { question: string; changes: string[]; candidate: Candidate; until: string } | null

/** Sent by `recipeFallback` to the deploy that it works for: a step began, ended, or has something to say. */
export const STEP_SIGNAL = 'step'
export type StepNews = { step: 'warm' | 'launch' | 'ready'; state: 'running' | 'done' | 'failed'; detail?: string }
