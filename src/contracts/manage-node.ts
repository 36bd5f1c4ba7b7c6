import { z } from 'zod'
import { PRESENCES } from '../domain/lease.js'
import { EndpointName, NodeId } from './names.js'

const Counter = z.int().min(0)
const Reason = z.string().trim().min(1, 'must say why').max(500, 'must be at most 500 characters')
const Name = z.string().max(500)
const LABEL_NAME = /^[\w./-]{1,63}$/
const NAME_RULE = 'the name of a label must be 1 to 63 letters, digits, `_`, `.`, `/` or `-`'
const LabelName = z.string().regex(LABEL_NAME, NAME_RULE)
const LabelValue = z.string().regex(/^[\w.-]{0,63}$/, 'must be at most 63 letters, digits, `_`, `.` or `-`')
const Labels = z.record(z.string(), LabelValue).refine((labels) => Object.keys(labels).every((name) => LABEL_NAME.test(name)), NAME_RULE)
const Owner = z.strictObject({ workflowId: z.string(), runId: z.string() })
const Gpus = z.array(Counter).max(64, 'must be at most 64 GPUs')

const Identity = { hostname: z.string(), machineId: z.string(), bootId: z.string(), instance: z.string() }
const Gpu = z.strictObject({ index: Counter, model: z.string().nullable(), vramTotalBytes: z.number(), bdf: z.string().nullable() })

/** Inputs of the updates and signals of `manageNode`, checked before anything changes. */
export const RegistrationInput = z.strictObject({
  nodeId: NodeId,
  ...Identity,
  gpus: z.array(Gpu),
  labels: z.record(z.string(), z.string()),
  simulated: z.boolean(),
  highestFence: Counter,
  graceSeconds: z.int().min(1).max(86_400),
  turn: Counter.nullable(),
})
const Stuck = z.strictObject({ gpu: Counter, why: z.string(), freeBytes: z.number().min(0) })
export const ArrivalInput = z.strictObject({ instance: z.string(), turn: Counter, stuck: z.array(Stuck).default([]) })
export const ClaimInput = z.strictObject({ endpoint: EndpointName, replica: Counter, gpus: Gpus, owner: Owner })
export const LeaseNameInput = z.strictObject({ endpoint: EndpointName, replica: Counter, fence: Counter })
export const BindingInput = LeaseNameInput.extend({ gpus: Gpus.optional() })
export const GiveBackInput = z.strictObject({ endpoint: EndpointName, owner: Owner.optional() })
export const QuarantineInput = z.strictObject({ gpu: Counter, reason: Reason, by: Name, freeBytes: z.number().min(0).optional() })
export const ClearInput = z.strictObject({ gpu: Counter, at: z.string().optional() })
/** Without a reason the one that was given before stays. */
export const CordonInput = z.strictObject({ reason: Reason.optional(), by: Name, drain: z.boolean() })
export const LabelInput = z.strictObject({ set: Labels.default({}), remove: z.array(LabelName).default([]) })
/** What a node's owner signals to those who have a lease there. */
export const NodeNewsInput = z.strictObject({
  nodeId: NodeId,
  presence: z.enum(PRESENCES),
  instance: z.string().nullable(),
  drain: z.boolean(),
})
export const ForgetInput = z.strictObject({ force: z.boolean().default(false) })

const Lease = z.strictObject({
  ...LeaseNameInput.shape,
  gpus: Gpus,
  state: z.enum(['reserved', 'bound']),
  owner: Owner,
  grantedAt: z.string(),
})

/** All that a node's own workflow knows, carried over continue-as-new. Times are ISO 8601. */
const NodeState = z.strictObject({
  book: z.strictObject({
    fence: Counter,
    leases: z.array(Lease),
    quarantined: z.array(
      z.strictObject({ gpu: Counter, reason: z.string(), by: z.string(), at: z.string(), freeBytes: z.number().optional() }),
    ),
    cordon: z.strictObject({ reason: z.string(), by: z.string(), at: z.string(), drain: z.boolean() }).nullable(),
    labels: z.record(z.string(), z.string()),
  }),
  presence: z.enum(PRESENCES),
  /** Since when. */
  since: z.string(),
  identity: z.strictObject({ nodeId: NodeId, ...Identity }).nullable(),
  gpus: z.array(Gpu),
  /** What the node says of itself. */
  labels: z.record(z.string(), z.string()),
  simulated: z.boolean(),
  graceSeconds: z.int(),
  /** Number of the newest attendance. */
  turn: Counter,
  /** The node worker's process that attends; null: none does. */
  attendedBy: z.string().nullable(),
  /** A lease was freed since the node last ended what has none. */
  unswept: z.boolean().default(false),
  /** Endpoints that did not answer when the book was written anew. */
  unheard: z.array(EndpointName).default([]),
})
export type NodeState = z.infer<typeof NodeState>

/** Input of `manageNode`. `carried` is the workflow's own, from one of its runs to the next. */
export const ManageNodeInput = z.strictObject({ nodeId: NodeId, carried: NodeState.optional() })
