import { AimError } from '../../contracts/errors.js'
import type { DeploymentHistory } from '../../ports/records.js'
import { fetchHistory } from '../api.js'
import type { Cli } from '../cli.js'
import { checkedName } from '../endpoint-name.js'
import { listReport, type Column, type Report } from '../output/report.js'
import type { Style } from '../output/style.js'
import { duration, moment } from '../output/units.js'
import { changeSummary, changesBetween, factsOf, type FactChange } from '../views/changes.js'

export type HistoryOptions = { limit: number; diff?: string[] }

/** As far back as two revisions are looked for. */
const DEEPEST = 200

export async function history(cli: Cli, [name = '']: string[], { limit, diff }: HistoryOptions): Promise<Report> {
  const endpoint = checkedName(name)
  const pair = diff === undefined ? null : revisionPair(diff)
  const { settings, paths } = await cli.configuration()
  // More than is shown: dry runs are left out, and the oldest line is compared with one before it.
  const depth = pair === null ? Math.min(DEEPEST, 2 * limit + 1) : DEEPEST
  const records = (await fetchHistory(settings, paths, endpoint, depth)).filter(({ state }) => state !== 'planned')
  if (records.length === 0) throw new AimError('NotFound', { what: `history of ${endpoint}` })
  return pair === null ? listOf(records, limit) : diffOf(endpoint, records, pair)
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

const DIFF_COLUMNS = (a: number, b: number): Column<FactChange>[] => [
  { header: 'FIELD', value: ({ field }) => field },
  { header: `REVISION ${a}`, value: ({ from }) => from, flexible: true },
  { header: `REVISION ${b}`, value: ({ to }) => to, flexible: true },
]

function diffOf(endpoint: string, records: DeploymentHistory[], [a, b]: [number, number]): Report {
  const changes = changesBetween(factsOf(revisionOf(endpoint, records, a)), factsOf(revisionOf(endpoint, records, b)))
  return listReport({
    items: changes,
    columns: DIFF_COLUMNS(a, b),
    name: ({ field }) => field,
    empty: `revisions ${a} and ${b} are the same`,
  })
}

function revisionOf(endpoint: string, records: DeploymentHistory[], wanted: number): DeploymentHistory {
  const found = records.find(({ revision }) => revision === wanted)
  if (found !== undefined) return found
  const known = records.flatMap(({ revision }) => revision ?? [])
  throw new AimError('NotFound', {
    what: `revision ${wanted} of ${endpoint}`,
    revisions: [...new Set(known)].toSorted((x, y) => x - y).join(', '),
  })
}

function revisionPair(words: string[]): [number, number] {
  const [a, b] = words.map(Number)
  if (words.length !== 2 || !words.every((word) => /^\d{1,9}$/.test(word))) {
    throw new AimError('InvalidInput', { field: '--diff', rule: 'takes two revision numbers, after the name: aim history NAME --diff 1 2' })
  }
  return [a ?? 0, b ?? 0]
}
