import { z } from 'zod'
import { BACKENDS, GRACE_SECONDS } from '../domain/engine.js'
import { PRECISIONS } from '../domain/hardware.js'
import { OBJECTIVES } from '../domain/recipe.js'
import type { Requirements } from '../domain/requirements.js'
import { FallbackPolicy } from './fallback-policy.js'
import { EndpointName, ModelId, NodeId, Port, RecipeId, Ref, RepoPath } from './names.js'

/** `gpus` empty: not on this node at all. */
const Repair = z.strictObject({
  why: z.string().max(2_000),
  avoid: z.array(z.strictObject({ node: NodeId, gpus: z.array(z.int().min(0)) })).default([]),
  /** The engine that served is gone for good: it is not stopped, and nothing comes back if the repair fails. */
  gone: z.boolean().default(true),
})
export type Repair = z.infer<typeof Repair>

/** What a person asks for: input of `deployModel`. */
export const DeployRequest = z.strictObject({
  /** Name to serve under; also the `model` that clients send. */
  endpoint: EndpointName,
  model: ModelId,
  /** Branch, tag or commit; pinned to a commit before anything is fetched. */
  ref: Ref.default('main'),
  /** One weights file, for repositories that hold many (GGUF). */
  file: RepoPath.optional(),
  backend: z.enum(BACKENDS).optional(),
  recipe: RecipeId.optional(),
  node: NodeId.optional(),
  /** Longest context of one request in tokens, and how many of those at the same time. */
  context: z.int().min(128, 'must be 128 or higher').max(10_000_000, 'must be 10000000 or lower').optional(),
  concurrency: z.int().min(1, 'must be 1 or higher').max(100_000, 'must be 100000 or lower').optional(),
  /** What the choice is to be best at. */
  objective: z.enum(OBJECTIVES).default('balanced'),
  /** Allowed precisions; absent: that of the repository. */
  precisions: z.array(z.enum(PRECISIONS)).min(1, 'must name at least one').optional(),
  /** Allowed cards, by their names in the hardware table. */
  hardware: z.array(z.string().min(1).max(40)).min(1, 'must name at least one').optional(),
  gpus: z.int().min(1, 'must be 1 or higher').max(64, 'must be 64 or lower').optional(),
  /** Labels that the node must carry. */
  labels: z.record(z.string().min(1).max(63), z.string().max(63)).optional(),
  /** For all GPUs together, in the currency of the price table. */
  maxPricePerHour: z.number().positive('must be above 0').optional(),
  port: Port.optional(),
  /** Why; kept in the history. */
  reason: z.string().max(500, 'must be at most 500 characters').optional(),
  /** What may happen when the first choice does not start. */
  fallback: FallbackPolicy.prefault({}),
  /** The endpoint's own workflow brings its replica back: why, and where it is not to be tried again. */
  repair: Repair.optional(),
  /** Stop after the plan and change nothing. */
  dryRun: z.boolean().default(false),
})
export type DeployRequest = z.infer<typeof DeployRequest>
/** The same before defaults are filled in. */
export type DeployInput = z.input<typeof DeployRequest>

/** What of a request narrows the choice. Whether the model's own code may run is the operator's to say, not the request's. */
export function requirementsOf(request: DeployRequest): Omit<Requirements, 'remoteCode'> {
  const { objective, context, concurrency, precisions, backend, hardware, gpus, node, labels, maxPricePerHour, recipe, file } = request
  const asked = {
    context,
    concurrency,
    precisions,
    backends: backend && [backend],
    hardware,
    gpuCount: gpus,
    node,
    labels,
    maxPricePerHour,
    recipe,
    file,
  }
  return {
    objective,
    ...(Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as typeof asked),
  } as Requirements
}

export const UndeployRequest = z.strictObject({
  endpoint: EndpointName,
  reason: z.string().max(500, 'must be at most 500 characters').optional(),
  /** Seconds between SIGTERM and SIGKILL. */
  graceSeconds: z.int().min(0, 'must be 0 or higher').max(600, 'must be 600 or lower').default(GRACE_SECONDS),
  /** Go on when the endpoint's own node does not answer; the result names it. */
  force: z.boolean().default(false),
})
export type UndeployRequest = z.infer<typeof UndeployRequest>

/** The steps of a deploy, in order: what a person watches. */
export const DEPLOY_STEPS = ['validate', 'pin', 'detect', 'plan', 'warm', 'launch', 'ready', 'hand over'] as const
export type DeployStep = (typeof DEPLOY_STEPS)[number]

export const UNDEPLOY_STEPS = ['validate', 'stop', 'release'] as const

/** One step as it stands. Times are ISO 8601. */
export type StepProgress = {
  step: string
  state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped'
  startedAt?: string
  endedAt?: string
  detail?: string
}

/** Answer of the query `progress`; `bytes` is filled in by the client from heartbeats. */
export type OperationProgress = {
  steps: StepProgress[]
  bytes?: { done: number; total: number; file: string }
  /** What a person is asked, and the flow that waits for the answer until then (ISO 8601). */
  approval?: { workflowId: string; question: string; until: string } | undefined
}
