import type { Sources } from './traffic.js'

/** What happens to a node's cache, one line each in its ledger. `at` is ISO 8601; sizes in bytes, times in ms; `repo` as in `CachedRepository`. */
export type CacheEvent =
  /**
   * What came over the network. `files` are those that are whole now and were proved by their digest. `sources` are all bytes of this try by the kind of place
   * they came from, also those of files that are not whole yet or came wrong; absent in ledgers of earlier versions.
   */
  | { kind: 'fetched'; at: string; repo: string; commit: string; files: FetchedFile[]; sources?: Sources | undefined; ms: number }
  /** A download that failed, with the code of its error. One that somebody ended is none. */
  | { kind: 'failed'; at: string; repo: string; commit: string; code: string }
  /**
   * Somebody asked for a model: how much of it was there. `followed`: nothing had to be fetched, but another process's download had to be waited for.
   * `endpoint` is who serves it; null: warmed ahead.
   */
  | {
      kind: 'asked'
      at: string
      repo: string
      commit: string
      endpoint: string | null
      outcome: 'hit' | 'miss' | 'followed'
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
