import type { PruneRequest, VerifyProgress, VerifyRequest } from '../contracts/cache.js'
import type { CacheContents } from '../domain/cache/contents.js'
import type { PruneReport } from '../domain/cache/prune.js'
import type { VerifyReport } from '../domain/cache/verify.js'

/** What lies in a node's cache, whoever put it there. Disk is its only truth; the ledger adds what was done with it. */
export interface ModelCache {
  contents(): Promise<CacheContents>
  /**
   * Evicts by policy. `inUse` tells, whenever it is asked, the paths of snapshots or files that engines of this node were started with. Never removes what it
   * does not understand.
   */
  prune(request: PruneRequest, inUse: () => Promise<string[]>): Promise<PruneReport>
  verify(request: VerifyRequest, options?: { signal?: AbortSignal; onProgress?: (progress: VerifyProgress) => void }): Promise<VerifyReport>
}
