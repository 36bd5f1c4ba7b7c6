import type { Cordon, Lease, Presence, Quarantine, StuckGpu } from '../domain/lease.js'
import type { Gpu } from '../domain/node.js'
import type { NodeIdentity } from './messages.js'

/** A GPU as the node registered it. */
export type RegisteredGpu = Pick<Gpu, 'index' | 'model' | 'vramTotalBytes' | 'bdf'>

/** What a node worker tells whenever it comes (back). `highestFence`: the highest that its disk remembers; 0: none. */
export type Registration = NodeIdentity & {
  gpus: RegisteredGpu[]
  labels: Record<string, string>
  /** A captured inventory stands for the hardware. */
  simulated: boolean
  highestFence: number
  /** Seconds that the node may be silent before it counts as lost. */
  graceSeconds: number
  /** The attendance that registers, as `attendNode` was given it; null: a process that has just started. */
  turn: number | null
}

/** Told once everything is stopped that had no place here any more: now the node may be given work. `stuck`: not these GPUs, which stay taken. */
export type Arrival = { instance: string; turn: number; stuck: StuckGpu[] }

/**
 * What the node may keep: an engine under any other key with a fence up to `fence` is stopped before anything else. Grants after this answer
 * have a higher fence. `unheard`: endpoints that do not answer now, so that nobody knows what they have here: it stays.
 */
export type Registered = { fence: number; leases: Pick<Lease, 'endpoint' | 'replica' | 'fence'>[]; unheard: string[] }

/** Names of the query, updates and signals of `node/<nodeId>`. */
export const NODE_QUERY = 'node'
export const NODE_UPDATES = {
  register: 'register',
  arrive: 'arrive',
  lease: 'lease',
  giveBack: 'giveBack',
  cordon: 'cordon',
  uncordon: 'uncordon',
  quarantine: 'quarantine',
  clear: 'clear',
  label: 'label',
  forget: 'forget',
} as const
/** Signals, because workflows send them: a supervisor that adopted a replica binds its lease, one that left a node releases it. */
export const BIND_SIGNAL = 'bind'
export const RELEASE_SIGNAL = 'release-lease'
export type LeaseName = Pick<Lease, 'endpoint' | 'replica' | 'fence'>

/** With the GPUs an owner that has lost its book writes the lease anew. */
export type Binding = LeaseName & { gpus?: number[] | undefined }

/** Sent by a node's owner to whoever has a lease there, whenever it comes or goes: to `endpoint/<name>`, or to the flow it is reserved for. */
export const NODE_SIGNAL = 'node'
export type NodeNews = {
  nodeId: string
  presence: Presence
  /** The node worker's process; another than before means that watches on it are gone. */
  instance: string | null
  /** The endpoint is asked to leave this node. */
  drain: boolean
}

/** Answer of the query `node`. Times are ISO 8601. */
export type NodeView = {
  nodeId: string
  presence: Presence
  /** Since when. */
  since: string
  simulated: boolean
  identity: NodeIdentity | null
  gpus: RegisteredGpu[]
  /** What the node says of itself, and over it what people set. */
  labels: Record<string, string>
  cordon: Cordon | null
  leases: Lease[]
  quarantined: Quarantine[]
  fence: number
}
