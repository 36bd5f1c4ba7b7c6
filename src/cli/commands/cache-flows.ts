import type { CacheFlow } from '../../contracts/cache-flows.js'
import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { duration, moment } from '../output/units.js'

const COLUMNS: Column<CacheFlow>[] = [
  { header: 'WHEN', value: ({ startedAt }, { time, now }) => moment(startedAt, time, now) },
  { header: 'WHAT', value: ({ type }) => type },
  { header: 'MODEL', value: ({ model }) => model, flexible: true },
  {
    header: 'STATE',
    value: ({ state }) => state,
    style: ({ state, running }) => (running ? 'cyan' : state === 'warmed' || state === 'refreshed' ? 'green' : 'yellow'),
  },
  { header: 'STEP', value: ({ step }) => step, flexible: true },
  { header: 'TOOK', value: (flow, { now }) => duration(Math.max(0, endOf(flow, now) - Date.parse(flow.startedAt))), align: 'right' },
  { header: 'WHO', value: ({ actor }) => actor, wide: true },
  { header: 'WORKFLOW', value: ({ workflowId }) => workflowId, flexible: true },
]

export async function cacheFlows(cli: Cli, _: string[], { limit }: { limit: number }): Promise<Report> {
  const client = await cli.connect()
  return listReport({
    items: await client.cacheFlows(limit),
    columns: COLUMNS,
    name: ({ workflowId }) => workflowId,
    empty: 'no warm-up and no refresh runs or ran; next: aim cache warm org/name',
  })
}

const endOf = ({ endedAt }: CacheFlow, now: number): number => (endedAt === null ? now : Date.parse(endedAt))
