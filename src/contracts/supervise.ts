import { z } from 'zod'
import { BACKENDS } from '../domain/engine.js'
import { PRESENCES } from '../domain/lease.js'
import { DeployRequest } from './deploy.js'
import { EndpointName, NodeId } from './names.js'
import { Parallel, Settings } from './recipe.js'

const Counter = z.int().min(0)
const Flags = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
const Run = { workflowId: z.string(), runId: z.string() }

const EngineKey = z.strictObject({ namespace: z.string(), endpoint: EndpointName, replica: Counter, fence: Counter, launch: Counter })
const EngineSpec = z.strictObject({
  backend: z.enum(BACKENDS),
  servedName: z.string(),
  modelPath: z.string(),
  modelFile: z.string().exactOptional(),
  context: z.int().exactOptional(),
  port: z.int().exactOptional(),
  gpus: z.array(Counter),
  needBytes: z.number().exactOptional(),
  parallel: Parallel.prefault({}),
  settings: Settings.default({}),
  command: z.array(z.string()).exactOptional(),
  group: z.strictObject({ nodes: Counter, rank: Counter, leader: z.string() }).exactOptional(),
  args: Flags,
  env: z.record(z.string(), z.string()),
})
const Replica = z.strictObject({
  key: EngineKey,
  nodeId: NodeId,
  simulated: z.literal(true).exactOptional(),
  spec: EngineSpec,
  url: z.string(),
  pid: z.int(),
  weightBytes: z.number(),
})
const Revision = z.strictObject({
  revision: z.int(),
  model: z.string(),
  commit: z.string(),
  recipe: z.string(),
  specFingerprint: z.string(),
  deployedAt: z.string(),
  deployedBy: z.string(),
  request: DeployRequest,
})
const HealingStep = z.strictObject({
  at: z.string(),
  did: z.enum(['restart', 'repair', 'rollback', 'adopt', 'gave up']),
  why: z.string(),
  outcome: z.enum(['done', 'failed', 'running']),
  detail: z.string(),
})
const Operation = z.strictObject({ ...Run, kind: z.enum(['deploy', 'undeploy', 'repair']), requestFingerprint: z.string(), fence: Counter })

/**
 * What restarting in place does not mend. `gone`: the engine does not serve any more; else it goes on until another one takes over.
 * `retryAtMs`: when the next try is due; null: now.
 */
const Trouble = z.strictObject({
  kind: z.enum(['crash', 'lost', 'drain']),
  why: z.string(),
  avoid: z.array(z.strictObject({ node: NodeId, gpus: z.array(Counter) })),
  gone: z.boolean(),
  rung: z.enum(['repair', 'rollback']),
  tries: Counter,
  retryAtMs: z.number().nullable(),
})
export type Trouble = z.infer<typeof Trouble>

/** All that an endpoint's own workflow knows, carried over continue-as-new. Times in ms since the epoch. */
const Supervision = z.strictObject({
  /** Number of the newest operation. */
  fence: Counter,
  operation: Operation.nullable(),
  revision: Revision.nullable(),
  replica: Replica.nullable(),
  /** The engine is another's concern for now: a new one takes its place. */
  standingDown: z.boolean(),
  retired: z.boolean(),
  restarts: Counter,
  lastRestart: z.strictObject({ at: z.string(), why: z.string(), downMs: z.number().nullable() }).nullable(),
  /** Failures in a row. */
  failures: Counter,
  /** When the engine last proved that it answers; null while it has not since its start. */
  provedAtMs: z.number().nullable(),
  downSinceMs: z.number().nullable(),
  /** Why it does not serve; null when it does. */
  reason: z.string().nullable(),
  /** Given up: only a person's next step brings it back. */
  degraded: z.boolean(),
  /** What its node said last. */
  presence: z.enum(PRESENCES).default('ready'),
  /** Whether its node is to be left. */
  draining: z.boolean().default(false),
  /** The worker of its node, as far as it told: with another one, watches begin anew. */
  instance: z.string().nullable().default(null),
  trouble: Trouble.nullable().default(null),
  /** The revision before, with the engine that served it well: what a rollback comes back to. */
  good: Revision.nullable().default(null),
  healing: z.array(HealingStep).max(20).default([]),
  next: z.string().nullable().default(null),
  /** Repairs and rollbacks so far: they are named after it. */
  repairs: Counter.default(0),
})
export type Supervision = z.infer<typeof Supervision>

/** Inputs of the updates of `superviseEndpoint`, checked before anything changes. */
export const RunInput = z.strictObject(Run)
export const BeginInput = z.strictObject({ ...Run, kind: Operation.shape.kind, requestFingerprint: z.string(), revisionFloor: Counter })
export const AdoptionInput = z.strictObject({ ...Run, replica: Replica, revision: Revision })

/** Input of `superviseEndpoint`. `carried` is the workflow's own, from one of its runs to the next. */
export const SuperviseInput = z.strictObject({ endpoint: EndpointName, carried: Supervision.optional() })
