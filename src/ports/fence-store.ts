import type { Registered } from '../contracts/node-owner.js'
import type { Lease } from '../domain/lease.js'

/** A node's own memory of leases, on its disk: what the cluster has overtaken never starts again, whoever asks for it and however late. */
export interface FenceStore {
  /**
   * Remembers the fence for the replica and for each of its GPUs. The same fence may come again.
   * @throws AimError `LeaseFenced` when a higher one was seen for any of them, or the node's owner knows no such lease.
   */
  check(start: Pick<Lease, 'endpoint' | 'replica' | 'gpus' | 'fence'>): Promise<void>
  /** What the owner of the node answered last: up to its fence only these leases start anything. */
  admitOnly(registered: Registered): void
  /** The highest that was ever seen here; 0: none. */
  highest(): Promise<number>
}
