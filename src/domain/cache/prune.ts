/** What an eviction removed, or would remove, and why; and what it kept although the policy would have it go. */
export type PruneReport = {
  dryRun: boolean
  removed: Removal[]
  kept: { repo: string; commit: string; bytes: number; why: string }[]
  freedBytes: number
  /** Bytes in the cache afterwards. */
  bytes: number
}

export type Removal = { kind: 'revision' | 'blob' | 'partial'; repo: string; commit: string | null; bytes: number; why: string }
