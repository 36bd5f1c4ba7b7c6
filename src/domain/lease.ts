/** Whether a node answers. `unknown`: it does not, and its engines may live; `lost`: for longer than its grace time. */
export const PRESENCES = ['ready', 'unknown', 'lost'] as const
export type Presence = (typeof PRESENCES)[number]

/** The flow that a lease is reserved for. */
export type Owner = { workflowId: string; runId: string }

/**
 * The claim of a replica on GPUs of a node; no GPUs: on a place on its processor. `fence` grows with each grant of the node, names the engines
 * that are started under it, and is refused by the node once it has seen a higher one for the same GPUs or replica.
 */
export type Lease = {
  endpoint: string
  replica: number
  /** HIP indices. */
  gpus: number[]
  fence: number
  /** `reserved`: for a flow that is under way, and gone with it; `bound`: the endpoint's own. */
  state: 'reserved' | 'bound'
  owner: Owner
  /** ISO 8601. */
  grantedAt: string
}

/**
 * A GPU that nobody is given until a person or a proof clears it. The proof is so much free memory, seen by its node; without `freeBytes` there is
 * none. `at` is ISO 8601.
 */
export type Quarantine = { gpu: number; reason: string; by: string; at: string; freeBytes?: number | undefined }

/** A GPU whose memory does not come back after an engine's end, though no process holds it: a reason for quarantine, until `freeBytes` are free. */
export type StuckGpu = { gpu: number; why: string; freeBytes: number }

/** Nothing new is placed on the node; `drain`: what is there moves away too. `at` is ISO 8601. */
export type Cordon = { reason: string; by: string; at: string; drain: boolean }

/** What a node's owner keeps of its GPUs. */
export type NodeBook = { fence: number; leases: Lease[]; quarantined: Quarantine[]; cordon: Cordon | null; labels: Record<string, string> }

/** Who asks for which GPUs. */
export type Claim = { endpoint: string; replica: number; gpus: number[]; owner: Owner }

/** A refusal says why, for people and for the next plan. */
export type LeaseAnswer = { outcome: 'granted'; fence: number } | { outcome: 'refused'; why: string }
