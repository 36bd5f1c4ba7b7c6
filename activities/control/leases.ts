import type { NodeView } from '../../src/contracts/node-owner.js'
import type { Claim, LeaseAnswer, Owner, Quarantine } from '../../src/domain/lease.js'
import type { NodeOwners } from '../../src/ports/node-owners.js'
import { caller } from '../run.js'

type OnNode<T> = { nodeId: string } & T

/** What a flow asks of the owners of nodes. Asked again, each changes nothing. */
export function leaseActivities({ owners }: { owners: NodeOwners }) {
  return {
    nodeViews: (): Promise<NodeView[]> => owners.views(),

    leaseGpus: ({ nodeId, ...claim }: OnNode<Claim>): Promise<LeaseAnswer> => owners.lease(nodeId, claim, caller()),

    giveBackLeases: ({ nodeId, ...what }: OnNode<{ endpoint: string; owner?: Owner }>): Promise<void> =>
      owners.giveBack(nodeId, what, caller()),

    giveBackEverywhere: (what: { endpoint: string; owner?: Owner }): Promise<void> => owners.giveBackEverywhere(what, caller()),

    quarantineGpu: ({ nodeId, ...what }: OnNode<Pick<Quarantine, 'gpu' | 'reason' | 'freeBytes'>>): Promise<void> =>
      owners.quarantine(nodeId, what, caller()),
  }
}
