import type { EndpointView, Replica } from '../contracts/endpoint.js'
import type { Adoption, BeginOperation, Caller, OperationAnswer, Run } from '../contracts/messages.js'

/**
 * The control worker's arm into Temporal: workflows cannot send updates, so activities do.
 * Every call may be repeated: update ids follow from the caller's request id.
 */
export interface Cluster {
  /** Who started this run, or the one that it is a child of, as its first event tells. Never taken from an input. */
  actorOf(run: Run): Promise<string>
  /** How an endpoint stands; null when there is none of this name. */
  endpointView(endpoint: string): Promise<EndpointView | null>
  /** What serves on this node now, of all endpoints. */
  replicasOn(nodeId: string): Promise<Replica[]>
  /** Starts the endpoint's own workflow if there is none, and asks it for the lock. */
  beginOperation(endpoint: string, request: Omit<BeginOperation, keyof Run>, caller: Caller): Promise<OperationAnswer>
  /** The supervisor lets go of its engine, so that another can take its port. */
  standDown(endpoint: string, caller: Caller): Promise<void>
  /** The supervisor takes its engine up again, and starts it when it is gone. */
  resume(endpoint: string, caller: Caller): Promise<void>
  adoptReplica(endpoint: string, adopted: Omit<Adoption, keyof Run>, caller: Caller): Promise<void>
  endOperation(endpoint: string, caller: Caller): Promise<void>
  /** Nothing serves under this name any more: the endpoint's own workflow ends. */
  retire(endpoint: string, caller: Caller): Promise<void>
  /** Ids of the nodes that registered. */
  nodes(): Promise<string[]>
  cancel(run: Run): Promise<void>
  /** Waits until the run is closed, however it ended. */
  closed(run: Run, signal: AbortSignal): Promise<void>
  isClosed(run: Run): Promise<boolean>
  /** Waits for the result; null when the run was terminated or reset, or is not known any more. Throws AimError with the code that the run failed with, final. */
  resultOf(run: Run, signal: AbortSignal): Promise<unknown>
}
