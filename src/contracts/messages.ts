import type { EndpointRevision, Operation, Replica } from './endpoint.js'

/** Names of queries and updates. */
export const ENDPOINT_QUERY = 'endpoint'
export const PROGRESS_QUERY = 'progress'

/** One run of a flow: how an operation on an endpoint is recognised, whatever id a person gave it. */
export type Run = { workflowId: string; runId: string }

/** A run that asks for something once: `requestId` is the same when it asks again after a failure. */
export type Caller = Run & { requestId: string }

/** `revisionFloor`: highest revision in the records, because the endpoint's own workflow ends with the endpoint. */
export type BeginOperation = Run & { kind: Operation['kind']; requestFingerprint: string; revisionFloor: number }

export type OperationAnswer =
  /** The lock is yours. `current` is what serves now, if anything. */
  | {
      outcome: 'begun'
      fence: number
      revision: number
      current: { replica: Replica; revision: EndpointRevision; serving: boolean } | null
    }
  /** The same request runs already: wait for it. */
  | { outcome: 'attach'; holder: Run }
  | { outcome: 'busy'; holder: Run; kind: Operation['kind'] }

/** Hands a proved replica over; the lock is released with it. */
export type Adoption = Run & { replica: Replica; revision: EndpointRevision }

/** Who a node worker is. `instance` is new with each process, `bootId` with each boot. */
export type NodeIdentity = { nodeId: string; hostname: string; machineId: string; bootId: string; instance: string }

/** The updates that `superviseEndpoint` answers, by name. Each may be repeated by the same run and changes nothing then. */
export type EndpointUpdates = {
  beginOperation(request: BeginOperation): OperationAnswer
  /** Lets go of the engine, so that another can take its port. */
  standDown(run: Run): Promise<void>
  /** Takes the engine up again, and starts it when it is gone. */
  resume(run: Run): void
  adoptReplica(adoption: Adoption): void
  endOperation(run: Run): void
  /** Nothing serves under the name any more. */
  retire(run: Run): void
}
