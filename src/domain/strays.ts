import type { Lease } from './lease.js'

type Name = Pick<Lease, 'endpoint' | 'replica' | 'fence'>

/** Whether a lease has been freed, by what the node's owner last said that it keeps. One with a higher fence was granted after that. */
export function isOver(
  name: Name,
  { fence, leases, unheard }: { fence: number; leases: readonly Name[]; unheard: readonly string[] },
): boolean {
  if (name.fence > fence || unheard.includes(name.endpoint)) return false
  return !leases.some((lease) => lease.endpoint === name.endpoint && lease.replica === name.replica && lease.fence === name.fence)
}
