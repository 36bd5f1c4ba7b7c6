import type { DeploymentHistory } from '../../ports/records.js'
import { fetchHistory } from '../api.js'
import type { Cli } from '../cli.js'
import { checkedName } from '../endpoint-name.js'
import { neverDeployed } from '../stored-revision.js'
import { listReport, type Column, type Report } from '../output/report.js'
import type { Style } from '../output/style.js'
import { duration, moment } from '../output/units.js'
import { changeSummary, changesBetween, factsOf } from '../views/changes.js'

export type HistoryOptions = { limit: number }

/** As far back as anything is looked for. */
const DEEPEST = 200

export async function history(cli: Cli, [name = '']: string[], { limit }: HistoryOptions): Promise<Report> {
  const endpoint = checkedName(name)
  const { settings, paths } = await cli.configuration()
  // More than is shown: dry runs are left out, and the oldest line is compared with one before it.
  const depth = Math.min(DEEPEST, 2 * limit + 1)
  const records = (await fetchHistory(settings, paths, endpoint, depth)).filter(({ state }) => state !== 'planned')
  if (records.length === 0) throw neverDeployed(endpoint)
  return listOf(records, limit)
}

type Entry = DeploymentHistory & { change: string }

const STATE_STYLES: Partial<Record<DeploymentHistory['state'], Style>> = {
  deployed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  running: 'cyan',
}

const COLUMNS: Column<Entry>[] = [
  { header: 'REV', value: ({ revision }) => (revision === null ? null : String(revision)), align: 'right' },
  { header: 'WHEN', value: ({ startedAt }, { time, now }) => moment(startedAt, time, now) },
  { header: 'WHO', value: ({ actor }) => actor, flexible: true },
  { header: 'WHAT', value: ({ kind }) => kind },
  { header: 'CHANGE', value: ({ change }) => change, flexible: true },
  { header: 'REASON', value: ({ reason }) => reason, flexible: true },
  {
    header: 'RESULT',
    value: ({ state, error }) => (error === null ? state : `${state}: ${error.code}`),
    style: ({ state }) => STATE_STYLES[state],
  },
  {
    header: 'TOOK',
    value: ({ startedAt, endedAt }) => endedAt && duration(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt))),
    align: 'right',
  },
  { header: 'ERROR', value: ({ error }) => error && error.message, wide: true },
  { header: 'ATTEMPTS', value: ({ attempts }) => String(attempts.length), wide: true, align: 'right' },
  { header: 'WORKFLOW', value: ({ workflowId, runId }) => `${workflowId} ${runId}`, wide: true },
]

function listOf(records: DeploymentHistory[], limit: number): Report {
  const items = records.slice(0, limit).map((record, index): Entry => ({ ...record, change: changeOf(record, records.slice(index + 1)) }))
  return listReport({
    items,
    columns: COLUMNS,
    name: ({ revision, runId }) => (revision === null ? runId : String(revision)),
    empty: 'no entry',
  })
}

/** Against the deployment that served before. */
function changeOf(record: DeploymentHistory, older: DeploymentHistory[]): string {
  if (record.kind === 'undeploy') return 'out of service'
  const before = older.find(({ kind, state }) => kind === 'deploy' && state === 'deployed')
  if (before === undefined) return `first: ${factsOf(record)['model'] ?? ''}`
  return changeSummary(changesBetween(factsOf(before), factsOf(record))) || 'nothing'
}
