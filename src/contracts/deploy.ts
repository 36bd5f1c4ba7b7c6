import { z } from 'zod'
import { BACKENDS, GRACE_SECONDS } from '../domain/engine.js'
import { EndpointName, ModelId, NodeId, Port, RecipeId, Ref, RepoPath } from './names.js'

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
  /** Longest context in tokens. */
  context: z.int().min(128, 'must be 128 or higher').max(10_000_000, 'must be 10000000 or lower').optional(),
  port: Port.optional(),
  /** Why; kept in the history. */
  reason: z.string().max(500, 'must be at most 500 characters').optional(),
  /** Stop after the plan and change nothing. */
  dryRun: z.boolean().default(false),
})
export type DeployRequest = z.infer<typeof DeployRequest>
/** The same before defaults are filled in. */
export type DeployInput = z.input<typeof DeployRequest>

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
export type OperationProgress = { steps: StepProgress[]; bytes?: { done: number; total: number; file: string } }
