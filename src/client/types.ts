import type { DeployInput, OperationProgress, UndeployRequest } from '../contracts/deploy.js'
import type { DeployResult, EndpointView, UndeployResult } from '../contracts/endpoint.js'

/** A flow that was started or attached to. Leaving it changes nothing: the work goes on in Temporal. */
export type OperationHandle<Result> = {
  workflowId: string
  runId: string
  /** True when the flow was already running and this call joined it. */
  attached: boolean
  /** Steps so far, with the bytes of a running download. Cheap; may be polled several times a second. */
  progress(): Promise<OperationProgress>
  /** Waits for the end. Throws AimError with the code that the workflow failed with. */
  result(): Promise<Result>
  cancel(): Promise<void>
}

/** One line of `aim status`. `view` is null when the endpoint's workflow cannot answer; `problem` says why. */
export type EndpointStatus = { endpoint: string; startedAt: string; view: EndpointView | null; problem: string | null }

/** One flow that runs now. */
export type RunningOperation = { workflowId: string; runId: string; type: string; startedAt: string }

/** The one facade on Temporal that cli, api and operator use. */
export interface AimClient {
  /** Starts `deployModel`, or joins the one that runs for the same request. Throws AimError InvalidInput, OperationInProgress. */
  deploy(request: DeployInput): Promise<OperationHandle<DeployResult>>
  undeploy(request: { endpoint: string } & Partial<UndeployRequest>): Promise<OperationHandle<UndeployResult>>
  /** A flow by id, for `aim deploy --attach` and after Ctrl-C. Throws NotFound. */
  operation(workflowId: string): Promise<OperationHandle<DeployResult | UndeployResult>>
  operations(): Promise<RunningOperation[]>
  /** All endpoints that are deployed or being deployed, by name. */
  endpoints(): Promise<EndpointStatus[]>
  /** Throws NotFound. */
  endpoint(name: string): Promise<EndpointStatus>
  /** Ids of the nodes that ever registered and were not removed. */
  nodes(): Promise<string[]>
  close(): Promise<void>
}
