import type { CacheEvent } from '../domain/cache/event.js'

/** The memory of a node's cache: what was fetched, asked for, verified, evicted and pinned. Several processes may append at once. */
export interface CacheLedger {
  /** One line, whole or not at all. A cache that cannot be written loses only its statistics: it never fails the work that is told. */
  append(event: CacheEvent): Promise<void>
  /** Oldest first. Lines that are torn or of another version are left out. */
  read(): Promise<CacheEvent[]>
  /** The same each time the answer is called, for who looks again and again: only what was appended since is read. */
  follow(): () => Promise<CacheEvent[]>
}
