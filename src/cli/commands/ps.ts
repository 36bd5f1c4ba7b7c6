import type { EndpointStatus, RunningOperation } from '../../client/types.js'
import { engineKeyName } from '../../domain/engine.js'
import type { Cli } from '../cli.js'
import { openAiUrl } from '../endpoint-url.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { moment } from '../output/units.js'
import { mayAnswer } from '../views/endpoint-status.js'
import { nodeText } from '../views/node-text.js'

/** One thing that runs: an engine, or a flow that works on an endpoint. */
export type Running = {
  kind: 'engine' | 'operation'
  id: string
  endpoint: string | null
  what: string
  node: string | null
  pid: number | null
  startedAt: string
}

const COLUMNS: Column<Running>[] = [
  { header: 'KIND', value: ({ kind }) => kind },
  { header: 'ENDPOINT', value: ({ endpoint }) => endpoint },
  { header: 'WHAT', value: ({ what }) => what, flexible: true },
  { header: 'NODE', value: ({ node }) => node, flexible: true },
  { header: 'PID', value: ({ pid }) => (pid === null ? null : String(pid)), align: 'right' },
  { header: 'SINCE', value: ({ startedAt }, { time, now }) => moment(startedAt, time, now) },
  { header: 'ID', value: ({ id }) => id, wide: true },
]

export async function ps(cli: Cli): Promise<Report> {
  const client = await cli.connect()
  const [endpoints, operations] = await Promise.all([client.endpoints(), client.operations()])
  return listReport({
    items: [...endpoints.flatMap(enginesOf), ...operations.map(operationRow)],
    columns: COLUMNS,
    name: ({ id }) => id,
    empty: 'nothing runs; next: aim deploy org/name',
  })
}

function enginesOf({ endpoint, startedAt, view }: EndpointStatus): Running[] {
  if (!view?.replica || !mayAnswer(view)) return []
  const { key, nodeId, spec, pid, simulated } = view.replica
  const since = view.lastRestart?.at ?? view.revision?.deployedAt ?? startedAt
  return [
    {
      kind: 'engine',
      id: engineKeyName(key),
      endpoint,
      what: `${spec.backend} ${openAiUrl(view.replica.url)}`,
      node: nodeText(nodeId, simulated),
      pid,
      startedAt: since,
    },
  ]
}

/** Ids that our client gives are `deploy/<endpoint>`; a flow started by hand may have any id. */
function operationRow({ workflowId, type, startedAt }: RunningOperation): Running {
  const endpoint = /^(?:deploy|undeploy)\/([^/]+)/.exec(workflowId)?.[1] ?? null
  return { kind: 'operation', id: workflowId, endpoint, what: type, node: null, pid: null, startedAt }
}
