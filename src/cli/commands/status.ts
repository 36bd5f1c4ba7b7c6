import type { AimClient, EndpointStatus } from '../../client/types.js'
import type { OperationProgress } from '../../contracts/deploy.js'
import { isAimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { checkedName } from '../endpoint-name.js'
import { knownEndpoint } from '../known-endpoint.js'
import type { Report } from '../output/report.js'
import { endpointReport, endpointsReport } from '../views/endpoint-status.js'
import { watch } from '../watch.js'

export type StatusOptions = { watch?: boolean }

export async function status(cli: Cli, [name]: string[], options: StatusOptions): Promise<Report> {
  const look = name === undefined ? everything : one(checkedName(name))
  const client = await cli.connect()
  return options.watch ? watch(cli, () => look(client)) : look(client)
}

async function everything(client: AimClient): Promise<Report> {
  return endpointsReport(await client.endpoints())
}

function one(name: string): (client: AimClient) => Promise<Report> {
  return async (client) => {
    const found = await knownEndpoint(client, name)
    return endpointReport(found, await progressOf(client, found))
  }
}

/** Steps of the operation that holds the endpoint; null when there is none, or when it has just ended. */
async function progressOf(client: AimClient, { view }: EndpointStatus): Promise<OperationProgress | null> {
  if (!view?.operation) return null
  try {
    return await (await client.operation(view.operation.workflowId)).progress()
  } catch (error) {
    if (isAimError(error)) return null // the steps are an extra; the endpoint's own state is the answer
    throw error
  }
}
