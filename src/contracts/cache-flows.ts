import { z } from 'zod'
import { CachePolicy } from './cache.js'
import { ModelId, NodeId, Ref, RepoPath } from './names.js'

const Nodes = z.array(NodeId).min(1, 'must name at least one').max(1_000, 'must be at most 1000')
const Labels = z.record(z.string().min(1).max(63), z.string().max(63))
const Reason = z.string().max(500, 'must be at most 500 characters')

/** What a person asks for: input of `warmCache`. */
export const WarmRequest = z.strictObject({
  model: ModelId,
  /** Branch, tag or commit; pinned to a commit before anything is fetched. */
  ref: Ref.default('main'),
  /** Nodes to bring it to; absent: all that answer. */
  nodes: Nodes.optional(),
  /** Labels that those nodes must carry. */
  labels: Labels.optional(),
  /** One weights file, for repositories that hold many (GGUF). */
  file: RepoPath.optional(),
  /** Absent: safetensors where the repository has them, else its GGUF file. */
  format: z.enum(['safetensors', 'gguf']).optional(),
  /** Re-hash what lies there afterwards, and fetch again what is wrong. */
  verify: z.boolean().default(false),
  /** Why; kept in the history. */
  reason: Reason.optional(),
})
export type WarmRequest = z.infer<typeof WarmRequest>
/** The same before defaults are filled in. */
export type WarmInput = z.input<typeof WarmRequest>

export const WARM_STEPS = ['validate', 'pin', 'detect', 'seed', 'spread', 'verify'] as const
export type WarmStep = (typeof WARM_STEPS)[number]

/** Why something did not work on a node: a code of the error table. */
export type FlowError = { code: string; message: string }

/** How one node came out. `fetchedBytes` came over the network in this flow, by kind of place in `sources`. */
export type WarmedNode = {
  nodeId: string
  outcome: 'hit' | 'miss' | 'failed' | 'silent'
  fetchedBytes: number
  sources: Record<string, number>
  error: FlowError | null
}

/** Result of `warmCache`. `bytes` of all its files on one node; `outsideBytes` came from outside the cluster, to all nodes together. */
export type WarmResult = {
  outcome: 'warmed' | 'partly warmed'
  repo: string
  ref: string
  commit: string
  files: number
  bytes: number
  outsideBytes: number
  nodes: WarmedNode[]
  /** Milliseconds by step. */
  timings: Record<string, number>
}

const Prewarm = WarmRequest.omit({ reason: true })

/** Input of `refreshCache`: all of it may be left out. */
export const RefreshRequest = z.strictObject({
  /** Branches to look after; absent: every branch that a node's cache names. Each is renewed on the nodes that have it. */
  follow: z
    .array(z.strictObject({ model: ModelId, ref: Ref.default('main') }))
    .max(1_000, 'must be at most 1000')
    .optional(),
  /** Absent: all that answer. */
  nodes: Nodes.optional(),
  /** Models to bring ahead, before a planned rollout. */
  prewarm: z.array(Prewarm).max(100, 'must be at most 100').default([]),
  /** What a cache may hold; absent: as each node's own settings say. */
  policy: CachePolicy.optional(),
  evict: z.boolean().default(true),
  /** How much of each cache is re-hashed, in bytes: what was proved longest ago. 0: nothing. */
  verifySampleBytes: z.int().min(0, 'must be 0 or higher').default(10_000_000_000),
  reason: Reason.optional(),
})
export type RefreshRequest = z.infer<typeof RefreshRequest>
export type RefreshInput = z.input<typeof RefreshRequest>

export const REFRESH_STEPS = ['validate', 'look', 'resolve', 'warm', 'prune', 'verify'] as const
export type RefreshStep = (typeof REFRESH_STEPS)[number]

/** A branch that moved, or a model that was brought ahead. `workflowId` is the `warmCache` that did it; null: it was not even started. */
export type Refreshed = {
  model: string
  ref: string
  file: string | null
  commit: string | null
  outcome: 'warmed' | 'partly warmed' | 'failed'
  nodes: string[]
  workflowId: string | null
  error: FlowError | null
}

/** What a prune did on one node, in bytes; the largest removals by name. */
export type PruneSummary = {
  freedBytes: number
  /** What the policy wanted freed besides. */
  shortBytes: number
  /** In the cache afterwards. */
  bytes: number
  removed: number
  largest: { repo: string; commit: string | null; bytes: number; why: string }[]
}

/** What a verification found on one node; the first bad files by name. */
export type VerifySummary = {
  checkedFiles: number
  checkedBytes: number
  skipped: number
  bad: number
  /** Bad files that are whole again. */
  repaired: number
  first: { repo: string; path: string; digest: string; actual: string; state: string; why: string | null }[]
}

export type RefreshedNode = {
  nodeId: string
  outcome: 'done' | 'failed' | 'silent'
  pruned: PruneSummary | null
  verified: VerifySummary | null
  error: FlowError | null
}

/** Result of `refreshCache`. */
export type RefreshResult = {
  outcome: 'refreshed' | 'partly refreshed'
  /** Branches that are where they were. */
  unchanged: number
  followed: Refreshed[]
  prewarmed: Refreshed[]
  nodes: RefreshedNode[]
  timings: Record<string, number>
}

/** Where long work on a node stands, in bytes: what its heartbeats carry, whatever it does. */
export const ByteProgress = z.object({ file: z.string(), doneBytes: z.number(), totalBytes: z.number() })

/** The schedule of `refreshCache`, as it stands. Times are ISO 8601. `every` in ms. */
export type CacheSchedule = {
  id: string
  every: number | null
  cron: string | null
  paused: boolean
  /** Why it is paused, as whoever paused it said. */
  note: string | null
  request: unknown
  nextRuns: string[]
  lastRuns: { workflowId: string; at: string }[]
}

/** One flow of the cache that runs or ran. `state` is `AimState`, or how Temporal says that it ended. Times are ISO 8601. */
export type CacheFlow = {
  workflowId: string
  runId: string
  type: string
  model: string | null
  state: string
  running: boolean
  actor: string | null
  startedAt: string
  endedAt: string | null
  /** The step that runs now. */
  step: string | null
}
