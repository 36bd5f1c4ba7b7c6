import type { Registered } from '../contracts/node-owner.js'
import type { Lease } from '../domain/lease.js'

/** A node's own memory of leases, on its disk: what the cluster has overtaken never starts again, whoever asks for it and however late. */
export interface FenceStore {
  /**
   * Remembers the fence for the replica and for each of its GPUs. The same fence may come again.
   * @throws AimError `LeaseFenced` when a higher one was seen for any of them, or when the lease is over.
   */
  check(start: Pick<Lease, 'endpoint' | 'replica' | 'gpus' | 'fence'>): Promise<void>
  /** What the node's owner says now: nothing starts any more under a lease that it had granted before and does not name. Not on the disk. */
  keepOnly(kept: Registered): void
  /** From now on nothing of the endpoint starts under this fence or a lower one: a start that is still on its way comes too late. */
  revoke(endpoint: string, fence: number): Promise<void>
  /** The highest that was ever seen here; 0: none. */
  highest(): Promise<number>
}
