/** What an eviction removed, or would remove, and why; and what it kept although the policy would have it go. */
export type PruneReport = {
  dryRun: boolean
  removed: Removal[]
  kept: Kept[]
  freedBytes: number
  /** What the policy wanted freed besides, and nothing may be removed for. */
  shortBytes: number
  /** Bytes in the cache afterwards. */
  bytes: number
}

/** `id` names it in `PruneRequest.only`. `bytes` are those that it frees after the removals before it. */
export type Removal = { id: string; kind: 'revision' | 'blob' | 'partial'; repo: string; commit: string | null; bytes: number; why: string }

export type Kept = { id: string; repo: string; commit: string | null; bytes: number; why: string }
