import type { CacheFlow, CacheSchedule, RefreshInput, RefreshResult, WarmInput, WarmResult } from '../contracts/cache-flows.js'
import type { DeployInput, OperationProgress, UndeployRequest } from '../contracts/deploy.js'
import type { NodeView } from '../contracts/node-owner.js'
import type { DeployResult, EndpointView, UndeployResult } from '../contracts/endpoint.js'
import type { Answered } from './approvals.js'
import type { HealthReport, HealthRequest, HealthSchedule } from '../contracts/health.js'

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

/** One line of `aim node ls`. `view` is null when the node's workflow cannot answer; `problem` says why. */
export type NodeStatus = { nodeId: string; view: NodeView | null; problem: string | null }

/** One flow that runs now. */
export type RunningOperation = { workflowId: string; runId: string; type: string; startedAt: string }

/** When a schedule is due: every so many ms, or by a cron expression. */
export type When = { every: number } | { cron: string }

/** The one facade on Temporal that cli, api and operator use. */
export interface AimClient {
  /** Starts `deployModel`, or joins the one that runs for the same request. Throws AimError InvalidInput, OperationInProgress. */
  deploy(request: DeployInput): Promise<OperationHandle<DeployResult>>
  undeploy(request: { endpoint: string } & Partial<UndeployRequest>): Promise<OperationHandle<UndeployResult>>
  /** Answers what a deploy of this endpoint asks before it gives something up. Throws NotFound where nothing is asked. */
  answer(endpoint: string, yes: boolean, reason?: string): Promise<Answered>
  /** Starts `warmCache`, or joins the one that runs for the same request; another one runs beside it. Throws InvalidInput. */
  warm(request: WarmInput): Promise<OperationHandle<WarmResult>>
  /** Starts `refreshCache`, once; joins likewise. */
  refresh(request: RefreshInput): Promise<OperationHandle<RefreshResult>>
  /** Warm-ups and refreshes that run or ran, newest first. */
  cacheFlows(limit: number): Promise<CacheFlow[]>
  /** Puts the schedule of `refreshCache` in force, or changes it. Throws InvalidInput. */
  scheduleRefresh(when: When, request: RefreshInput): Promise<CacheSchedule>
  /** Null: there is none. */
  cacheSchedule(): Promise<CacheSchedule | null>
  /** False: there was none. */
  unscheduleRefresh(): Promise<boolean>
  /** Starts `healthCheck`, or joins the one that runs: what each replica of an endpoint answers now. Throws InvalidInput. */
  checkHealth(request: HealthRequest): Promise<OperationHandle<HealthReport>>
  /** Puts the schedule of an endpoint's checks in force, every so many ms, or changes it. Throws InvalidInput. */
  scheduleHealth(endpoint: string, every: number): Promise<HealthSchedule>
  /** False: there was none. */
  unscheduleHealth(endpoint: string): Promise<boolean>
  /** A flow by id, for `aim deploy --attach` and after Ctrl-C. Throws NotFound. */
  operation(workflowId: string): Promise<OperationHandle<DeployResult | UndeployResult>>
  operations(): Promise<RunningOperation[]>
  /** All endpoints that are deployed or being deployed, by name. */
  endpoints(): Promise<EndpointStatus[]>
  /** Throws NotFound. */
  endpoint(name: string): Promise<EndpointStatus>
  /** Ids of the nodes that registered and were not forgotten, by name. */
  nodes(): Promise<string[]>
  nodeStatuses(): Promise<NodeStatus[]>
  /** Throws NotFound, as all that follows. */
  node(nodeId: string): Promise<NodeView>
  /** Nothing new is placed there; with `drain` its endpoints are asked to leave. This and all changes but the last answer what the node is then. */
  cordonNode(nodeId: string, cordon: { reason?: string | undefined; drain: boolean }): Promise<NodeView>
  uncordonNode(nodeId: string): Promise<NodeView>
  /** Throws InvalidInput for a GPU that the node does not have. */
  quarantineGpu(nodeId: string, gpu: number, reason: string): Promise<NodeView>
  clearGpu(nodeId: string, gpu: number): Promise<NodeView>
  labelNode(nodeId: string, change: { set: Record<string, string>; remove: string[] }): Promise<NodeView>
  /** Throws InvalidInput while the node answers, and, without `force`, while endpoints have something there. */
  forgetNode(nodeId: string, how: { force: boolean }): Promise<void>
  close(): Promise<void>
}
