import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { DeployRequest, UndeployRequest } from '../contracts/deploy.js'
import type { DeployResult, EndpointView, UndeployResult } from '../contracts/endpoint.js'
import { AimError } from '../contracts/errors.js'
import { ENDPOINT_QUERY } from '../contracts/messages.js'
import { EndpointName } from '../contracts/names.js'
import { requestFingerprint } from '../contracts/request-fingerprint.js'
import { validate } from '../contracts/validate.js'
import { workflowIds } from '../contracts/workflow-ids.js'
import { approvals } from './approvals.js'
import { cacheFlows } from './cache-flows.js'
import { toAimError } from './failures.js'
import { healthChecks } from './health.js'
import { nodeClient } from './nodes.js'
import { operationHandle } from './operation-handle.js'
import { query } from './query.js'
import { refreshSchedule } from './refresh-schedule.js'
import { startFlow } from './start-flow.js'
import type { AimClient, EndpointStatus } from './types.js'

/** The flows that a person may follow as an operation. */
const OPERATION_TYPES = ['deployModel', 'undeployModel', 'warmCache', 'refreshCache']

/** The one facade on Temporal that cli, api and operator use. */
export function createAimClient(client: Client, close: () => Promise<void>): AimClient {
  const attach = <Result>(workflowId: string) => operationHandle<Result>(client, workflowId, undefined, true)

  async function status(name: string, startedAt: Date): Promise<EndpointStatus> {
    const base = { endpoint: name, startedAt: startedAt.toISOString() }
    try {
      return { ...base, view: await query<EndpointView>(client, ENDPOINT_QUERY, workflowIds.endpoint(name)), problem: null }
    } catch (error) {
      return { ...base, view: null, problem: toAimError(error, name).message }
    }
  }

  return {
    async deploy(input) {
      const request = validate(DeployRequest, input)
      const { endpoint, model, dryRun } = request
      const workflowId = dryRun ? workflowIds.plan(endpoint, randomUUID()) : workflowIds.deploy(endpoint)
      return startFlow<DeployResult>(client, {
        type: 'deployModel',
        workflowId,
        input: request,
        hash: requestFingerprint(request),
        summary: `${dryRun ? 'plans' : 'deploys'} ${model} as ${endpoint}`,
        other: 'is refused',
      })
    },

    async undeploy(input) {
      const request = validate(UndeployRequest, input)
      return startFlow<UndeployResult>(client, {
        type: 'undeployModel',
        workflowId: workflowIds.undeploy(request.endpoint),
        input: request,
        hash: request.endpoint,
        summary: `stops ${request.endpoint}`,
        other: 'is refused',
      })
    },

    ...approvals(client),
    ...cacheFlows(client),
    ...refreshSchedule(client),
    ...healthChecks(client),
    ...nodeClient(client),

    async operation(workflowId) {
      try {
        await client.workflow.getHandle(workflowId).describe()
      } catch (error) {
        throw toAimError(error, workflowId)
      }
      return attach(workflowId)
    },

    async operations() {
      const types = OPERATION_TYPES.map((type) => `WorkflowType = '${type}'`).join(' OR ')
      const found = []
      for await (const run of client.workflow.list({ query: `ExecutionStatus = 'Running' AND (${types})` })) {
        found.push({ workflowId: run.workflowId, runId: run.runId, type: run.type, startedAt: run.startTime.toISOString() })
      }
      return found
    },

    async endpoints() {
      const prefix = workflowIds.endpoint('')
      const found: Promise<EndpointStatus>[] = []
      for await (const run of client.workflow.list({ query: `WorkflowType = 'superviseEndpoint' AND ExecutionStatus = 'Running'` })) {
        found.push(status(run.workflowId.slice(prefix.length), run.startTime))
      }
      return (await Promise.all(found)).toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1))
    },

    async endpoint(name) {
      const endpoint = validate(EndpointName, name)
      const description = await describe(endpoint)
      if (description?.status.name !== 'RUNNING') throw new AimError('NotFound', { what: `endpoint ${endpoint}` })
      return status(endpoint, description.startTime)
    },

    close,
  }

  async function describe(endpoint: string) {
    try {
      return await client.workflow.getHandle(workflowIds.endpoint(endpoint)).describe()
    } catch (error) {
      throw toAimError(error, `endpoint ${endpoint}`)
    }
  }
}
