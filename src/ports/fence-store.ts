import type { Lease } from '../domain/lease.js'

/** A node's own memory of leases, on its disk: what the cluster has overtaken never starts again, whoever asks for it and however late. */
export interface FenceStore {
  /**
   * Remembers the fence for the replica and for each of its GPUs. The same fence may come again.
   * @throws AimError `LeaseFenced` when a higher one was seen for any of them.
   */
  check(start: Pick<Lease, 'endpoint' | 'replica' | 'gpus' | 'fence'>): Promise<void>
  /** From now on nothing of the endpoint starts under this fence or a lower one: a start that is still on its way comes too late. */
  revoke(endpoint: string, fence: number): Promise<void>
  /** The highest that was ever seen here; 0: none. */
  highest(): Promise<number>
}
