import type { AimClient, EndpointStatus } from '../../client/types.js'
import { UndeployRequest } from '../../contracts/deploy.js'
import type { UndeployResult } from '../../contracts/endpoint.js'
import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { checkedName } from '../endpoint-name.js'
import { unlessInterrupted } from '../interrupt.js'
import { knownEndpoint } from '../known-endpoint.js'
import { recordReport, type Report } from '../output/report.js'
import { follow } from '../progress/follow.js'

export type StopOptions = {
  grace?: number
  reason?: string
  detach?: boolean
  timeout?: number
  dryRun?: boolean
  yes?: boolean
  force?: boolean
}

export async function stop(cli: Cli, [name = '']: string[], options: StopOptions): Promise<Report> {
  const request = undeployRequest(checkedName(name), options)
  const interrupts = cli.interrupts()
  const client = await unlessInterrupted(cli.connect(), interrupts, ['nothing was stopped'])
  if (options.dryRun) return dryRunReport(await unlessInterrupted(knownEndpoint(client, name), interrupts, ['nothing was stopped']))
  return undeploy(cli, client, request, options)
}

/** Undeploys one endpoint and waits for it. Leaving the wait stops nothing. */
export async function undeploy(
  cli: Cli,
  client: AimClient,
  request: { endpoint: string } & Partial<UndeployRequest>,
  options: Pick<StopOptions, 'detach' | 'timeout'> = {},
): Promise<Report> {
  const { endpoint } = request
  const handle = await unlessInterrupted(client.undeploy(request), cli.interrupts(), [`it may have been started: aim status ${endpoint}`])
  if (options.detach) {
    const { workflowId, runId, attached } = handle
    return recordReport({
      data: { endpoint, workflowId, runId, attached },
      name: endpoint,
      fields: () => [
        ['endpoint', endpoint],
        ['state', 'stopping'],
        ['workflow', workflowId],
      ],
    })
  }
  const result = await follow(cli, handle, {
    what: `stop of ${endpoint}`,
    look: `aim status ${endpoint}`,
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    onLeave: [`the stop of ${endpoint} goes on`, `  watch:   aim status ${endpoint} -w`, `  rejoin:  aim stop ${endpoint}`],
  })
  // Only now is it sure: an engine may run though its endpoint's workflow was terminated.
  if (result.outcome === 'absent' && result.silent.length === 0 && !handle.attached) await knownEndpoint(client, endpoint)
  return stoppedReport(result)
}

function undeployRequest(endpoint: string, { grace, reason, force }: StopOptions): UndeployRequest {
  const result = UndeployRequest.safeParse({
    endpoint,
    ...(grace !== undefined && { graceSeconds: grace }),
    ...(reason !== undefined && { reason }),
    ...(force !== undefined && { force }),
  })
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new AimError('InvalidInput', {
    field: issue?.path[0] === 'reason' ? '--reason' : '--grace',
    rule: issue?.message ?? 'is not valid',
  })
}

const stateOf = ({ outcome, silent }: UndeployResult): string =>
  outcome === 'stopped' ? 'stopped' : silent.length === 0 ? 'was not there' : 'nothing to stop on the nodes that answer'

function stoppedReport(result: UndeployResult): Report {
  return recordReport({
    data: result,
    name: result.endpoint,
    fields: () => [
      ['endpoint', result.endpoint],
      ['state', stateOf(result)],
      ...result.stopped.map(({ node, engine }): [string, string] => ['engine', `${engine} on ${node} ended`]),
    ],
    notes: [
      ...result.silent.map((node) => `${node} did not answer: what it still runs of this ends when it is back`),
      ...result.undying.map((what) => `${what}: memory that it holds of a GPU is given to nobody until it is free`),
      `what it was: aim history ${result.endpoint}`,
    ],
  })
}

function dryRunReport({ endpoint, view }: EndpointStatus): Report {
  const replica = view?.replica ?? null
  const operation = view?.operation ?? null
  return recordReport({
    data: { endpoint, replica, operation },
    name: endpoint,
    fields: () => [
      ['endpoint', endpoint],
      ['would stop', replica && `${replica.spec.backend} on ${replica.nodeId}, pid ${replica.pid}`],
      ['would cancel', operation && operation.workflowId],
      ['keeps', 'the weights in the cache, and the history'],
    ],
    notes: ['dry run: nothing was changed'],
  })
}
