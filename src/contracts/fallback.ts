import { z } from 'zod'
import type { Tried } from '../domain/fallback/next-move.js'
import type { Candidate, Fallback } from '../domain/plan.js'
import type { ReportedMemory } from '../domain/measurement.js'
import type { ErrorDetails } from './errors.js'
import { FallbackPolicy } from './fallback-policy.js'
import type { AttemptRecord } from './records.js'
import type { Replica } from './endpoint.js'
import type { Weights } from './model.js'
import { PinnedModel } from './model.js'
import { EndpointName, ModelId, NodeId, Port } from './names.js'

const Run = z.strictObject({ workflowId: z.string(), runId: z.string() })
/** The plan's own data, which this project made and kept: only what a mistake by hand would break is checked. */
const Placed = z.looseObject({ recipe: z.string(), model: z.string(), node: NodeId, gpus: z.array(z.int()), backend: z.string() })

const Candidates = z.array(Placed)
/** A node that may have the weights, and serves what it has. */
const Holder = z.strictObject({ nodeId: NodeId, peerUrl: z.string().nullable(), cachedModels: z.array(z.string()) })

/** Input of `recipeFallback`: a child of a deploy. `holder` is the flow that holds the endpoint's lock; leases are reserved for it. */
export const FallbackRequest = z
  .strictObject({
    endpoint: EndpointName,
    replica: z.int().min(0).default(0),
    /** The model that the first choice loads. */
    model: PinnedModel,
    /** The repository that was named, and where it was pinned to; others are pinned by the flow. */
    named: z.strictObject({ repo: ModelId, commit: z.string() }),
    candidates: Candidates,
    fallback: Candidates.default([]),
    port: Port.optional(),
    /** Where the engine that serves, or served, has its port: on that node the new one keeps it. */
    home: z.strictObject({ nodeId: NodeId, port: Port }).nullable().default(null),
    /** What serves now and has to make way; null: nothing, or it is gone. */
    current: z.looseObject({ nodeId: NodeId }).nullable().default(null),
    holders: z.array(Holder).default([]),
    policy: FallbackPolicy.prefault({}),
    /** What an earlier walk for the same deploy has tried, how the last of that failed, and how long it took. */
    tried: z.array(z.looseObject({ failure: z.string() })).default([]),
    last: z.looseObject({ type: z.string(), message: z.string() }).nullable().default(null),
    spentMs: z.number().min(0).default(0),
    /** A lease that is refused ends it with `conflict`, so that a new plan is made; else the next candidate is tried. */
    replans: z.boolean().default(false),
    holder: Run,
    /** Tells the parent how far it is. */
    parent: Run.nullable().default(null),
  })
  .refine(({ candidates, fallback }) => candidates.length + fallback.length > 0, { path: ['candidates'], error: 'must name at least one' })
export type FallbackRequest = Omit<z.infer<typeof FallbackRequest>, 'candidates' | 'fallback' | 'current' | 'tried' | 'last'> & {
  candidates: Candidate[]
  fallback: Fallback[]
  current: Replica | null
  tried: Tried[]
  last: Failed | null
}

/** A failure in the terms of the error table. */
export type Failed = { type: string; message: string; details: ErrorDetails }

/** Which engine serves in the end, after which tries. `gaveUp`: what was asked for and is not given, in words; null: nothing. */
export type FallbackResult = {
  /** `conflict`: a candidate is leased to others, so the plan is old. */
  outcome: 'ready' | 'conflict'
  ready: {
    candidate: Candidate
    model: { repo: string; commit: string }
    replica: Replica
    weights: Weights
    proof: { text: string; tokens: number; ms: number }
    memory: ReportedMemory | null
    gaveUp: string | null
    attempt: AttemptNews
  } | null
  tried: Tried[]
  last: Failed | null
  spentMs: number
}

/** Updates and query of `recipeFallback`. `by` is kept in the history. */
export const APPROVE_UPDATE = 'approve'
export const REJECT_UPDATE = 'reject'
export const APPROVAL_QUERY = 'approval'
/** `question` is what is answered, word for word: another may have taken its place since it was read. */
export const ApprovalAnswer = z.strictObject({
  question: z.string().min(1, 'must be the question that is answered'),
  by: z.string().min(1).max(200),
  reason: z.string().max(500).optional(),
})
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>
/** What it waits for; null: nobody is asked. `until` is ISO 8601. */
export type ApprovalView = { question: string; changes: string[]; candidate: Candidate; until: string } | null

/**
 * Sent by `recipeFallback` to the deploy that it works for: steps that began, ended, or have something to say; a try that has failed; a question
 * that it waits for, or null when it waits no more.
 */
export const STEP_SIGNAL = 'step'
export type StepNews = { step: 'warm' | 'launch' | 'ready'; state: 'running' | 'done' | 'failed'; detail?: string }
type AttemptNews = Omit<AttemptRecord, 'workflowId' | 'runId'>
export type FallbackNews = { steps?: StepNews[]; attempt?: AttemptNews; approval?: ApprovalView }
const StepNewsInput = z.strictObject({
  step: z.enum(['warm', 'launch', 'ready']),
  state: z.enum(['running', 'done', 'failed']),
  detail: z.string().optional(),
})
/** A signal has nobody to be told what is wrong with it: one that makes no sense changes nothing. */
export const FallbackNewsInput = z.strictObject({
  steps: z.array(StepNewsInput).optional(),
  attempt: z.looseObject({ number: z.int(), outcome: z.string() }).optional(),
  approval: z.looseObject({ question: z.string(), until: z.string() }).nullable().optional(),
})
