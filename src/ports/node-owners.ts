import type { Caller } from '../contracts/messages.js'
import type { LeaseName, NodeView } from '../contracts/node-owner.js'
import type { Claim, LeaseAnswer, Owner, Quarantine } from '../domain/lease.js'

/** The control worker's arm to the owners of nodes (`manageNode`). Every call may be repeated: update ids follow from the caller's request. */
export interface NodeOwners {
  /** Every node that registered, in order of name; one whose owner does not answer is left out. */
  views(): Promise<NodeView[]>
  /** @throws AimError NotFound for a node that never registered. */
  lease(nodeId: string, claim: Claim, caller: Caller): Promise<LeaseAnswer>
  /** A lease that is gone already is no error. */
  release(nodeId: string, lease: LeaseName, caller: Caller): Promise<void>
  /** Gives up everything that an endpoint has on the node, or what is reserved for one flow. */
  giveBack(nodeId: string, what: { endpoint: string; owner?: Owner }, caller: Caller): Promise<void>
  /** `freeBytes`: the node itself ends it once so much memory of the GPU is free. */
  quarantine(nodeId: string, what: Pick<Quarantine, 'gpu' | 'reason' | 'freeBytes'>, caller: Caller): Promise<void>
}
