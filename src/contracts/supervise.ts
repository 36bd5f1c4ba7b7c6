import { z } from 'zod'
import { BACKENDS } from '../domain/engine.js'
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
  parallel: Parallel.prefault({}),
  settings: Settings.default({}),
  command: z.array(z.string()).exactOptional(),
  group: z.strictObject({ nodes: Counter, rank: Counter, leader: z.string() }).exactOptional(),
  args: Flags,
  env: z.record(z.string(), z.string()),
})
const Replica = z.strictObject({ key: EngineKey, nodeId: NodeId, spec: EngineSpec, url: z.string(), pid: z.int(), weightBytes: z.number() })
const Revision = z.strictObject({
  revision: z.int(),
  model: z.string(),
  commit: z.string(),
  recipe: z.string(),
  specFingerprint: z.string(),
  deployedAt: z.string(),
  deployedBy: z.string(),
})
const Operation = z.strictObject({ ...Run, kind: z.enum(['deploy', 'undeploy']), requestFingerprint: z.string(), fence: Counter })

/** All that an endpoint's own workflow knows, carried over continue-as-new. Times in ms since the epoch. */
const Supervision = z.strictObject({
  /** Number of the newest operation; grows over all lives of an endpoint, because engines are named after it. */
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
})
export type Supervision = z.infer<typeof Supervision>

/** Input of `superviseEndpoint`. `carried` is the workflow's own, from one of its runs to the next. */
export const SuperviseInput = z.strictObject({ endpoint: EndpointName, carried: Supervision.optional() })

export const ManageNodeInput = z.strictObject({ nodeId: NodeId })
