/** What happens to a node's cache, one line each in its ledger. `at` is ISO 8601; sizes in bytes, times in ms; `repo` as in `CachedRepository`. */
export type CacheEvent =
  /** Files that came over the network and were proved by their digest. */
  | { kind: 'fetched'; at: string; repo: string; commit: string; files: FetchedFile[]; ms: number }
  /** Somebody asked for a model: how much of it was there. `endpoint` is who serves it; null: warmed ahead. */
  | {
      kind: 'asked'
      at: string
      repo: string
      commit: string
      endpoint: string | null
      outcome: 'hit' | 'miss'
      bytes: number
      fetchedBytes: number
      ms: number
    }
  /** An endpoint answers with these weights; only where it is not what it served before. */
  | { kind: 'served'; at: string; endpoint: string; repo: string; commit: string }
  /** An endpoint was taken out of service: it needs no weights any more, not even for a rollback. */
  | { kind: 'released'; at: string; endpoint: string }
  | { kind: 'verified'; at: string; repo: string; good: string[]; bad: string[] }
  | { kind: 'evicted'; at: string; repo: string; commit: string | null; bytes: number; digests: string[]; reason: string }
  | { kind: 'pinned'; at: string; repo: string; commit: string | null; actor: string; reason: string | null }
  | { kind: 'unpinned'; at: string; repo: string; commit: string | null; actor: string; reason: string | null }

/** `source` is the name of the place it came from, `hub https://…`, without credentials. */
export type FetchedFile = { path: string; digest: string; bytes: number; source: string }
