import type { Caller } from '../contracts/messages.js'
import type { NodeView } from '../contracts/node-owner.js'
import type { Claim, LeaseAnswer, Owner, Quarantine } from '../domain/lease.js'

/** The control worker's arm to the owners of nodes (`manageNode`). Every call may be repeated: update ids follow from the caller's request. */
export interface NodeOwners {
  /** Every node that registered, in order of name; one whose owner does not answer is left out. */
  views(): Promise<NodeView[]>
  /** @throws AimError NotFound for a node that never registered. */
  lease(nodeId: string, claim: Claim, caller: Caller): Promise<LeaseAnswer>
  /** Gives up everything that an endpoint has on the node, or what is reserved for one flow. What is gone already is no error. */
  giveBack(nodeId: string, what: { endpoint: string; owner?: Owner }, caller: Caller): Promise<void>
  /** The same on every node that has any of it, or that does not say. @throws when one of them cannot be told. */
  giveBackEverywhere(what: { endpoint: string; owner?: Owner }, caller: Caller): Promise<void>
  /** `freeBytes`: the node itself ends it once so much memory of the GPU is free. */
  quarantine(nodeId: string, what: Pick<Quarantine, 'gpu' | 'reason' | 'freeBytes'>, caller: Caller): Promise<void>
}
