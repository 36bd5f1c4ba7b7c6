import type { NodeStatus } from '../../client/types.js'
import type { NodeView } from '../../contracts/node-owner.js'
import type { Lease } from '../../domain/lease.js'
import { listReport, recordReport, type Column, type Field, type Report } from '../output/report.js'
import type { Style } from '../output/style.js'
import { bytes, moment } from '../output/units.js'

const COLUMNS: Column<NodeStatus>[] = [
  { header: 'NODE', value: ({ nodeId }) => nodeId },
  { header: 'STATE', value: ({ view, problem }) => (view === null ? problem : stateText(view)), style: ({ view }) => stateStyle(view) },
  { header: 'SINCE', value: ({ view }, { time, now }) => view && moment(view.since, time, now) },
  { header: 'GPUS', value: ({ view }) => view && gpusText(view), flexible: true },
  { header: 'FREE', value: ({ view }) => view && String(freeGpus(view).length), align: 'right' },
  { header: 'ENDPOINTS', value: ({ view }) => view && (namesLeft(view).join(', ') || null), flexible: true },
  { header: 'LABELS', value: ({ view }) => view && labelsText(view.labels), wide: true },
  { header: 'HOST', value: ({ view }) => view?.identity?.hostname ?? null, wide: true },
]

export function nodesReport(statuses: NodeStatus[]): Report {
  return listReport({
    items: statuses,
    columns: COLUMNS,
    name: ({ nodeId }) => nodeId,
    empty: 'there is no node; next: aim up, or aim node on a GPU machine',
  })
}

export function nodeReport(view: NodeView, notes: string[] = []): Report {
  return recordReport({
    data: view,
    name: view.nodeId,
    fields: ({ time, now }): Field[] => [
      ['node', view.nodeId],
      ['state', stateText(view), stateStyle(view)],
      ['since', moment(view.since, time, now)],
      ['why', view.cordon && `${view.cordon.reason} (${view.cordon.by}, ${moment(view.cordon.at, time, now)})`],
      ['host', view.identity && `${view.identity.hostname}, boot ${view.identity.bootId}`],
      ['labels', labelsText(view.labels)],
      ['GPUs', gpusText(view)],
      ...view.gpus.map(({ index, vramTotalBytes }): Field => [`  ${index}`, gpuText(view, index, vramTotalBytes)]),
      ...view.leases.filter(({ gpus }) => gpus.length === 0).map((lease): Field => ['  processor', leaseText(lease)]),
    ],
    notes: [...notes, ...nextSteps(view)],
  })
}

/** What is not moved away yet. */
export const leftText = (view: NodeView): string => namesLeft(view).join(', ') || 'nothing'
export const namesLeft = ({ leases }: NodeView): string[] => [...new Set(leases.map(({ endpoint }) => endpoint))].toSorted()

function stateText({ presence, cordon, simulated }: NodeView): string {
  const words = [presence, cordon && (cordon.drain ? 'draining' : 'cordoned'), simulated ? 'simulated' : null]
  return words.filter((word) => word !== null).join(', ')
}

function stateStyle(view: NodeView | null): Style {
  if (view === null || view.presence === 'lost') return 'red'
  return view.presence === 'unknown' || view.cordon !== null ? 'yellow' : 'green'
}

function gpusText({ gpus }: NodeView): string {
  const counts = new Map<string, number>()
  for (const { model } of gpus) counts.set(model ?? 'unknown', (counts.get(model ?? 'unknown') ?? 0) + 1)
  return counts.size === 0 ? 'none' : [...counts].map(([model, count]) => `${count} ${model}`).join(', ')
}

function freeGpus({ gpus, leases, quarantined }: NodeView): number[] {
  const taken = new Set([...leases.flatMap((lease) => lease.gpus), ...quarantined.map(({ gpu }) => gpu)])
  return gpus.map(({ index }) => index).filter((index) => !taken.has(index))
}

function gpuText({ leases, quarantined }: NodeView, index: number, total: number): string {
  const barred = quarantined.find(({ gpu }) => gpu === index)
  const lease = leases.filter(({ gpus }) => gpus.includes(index)).map(leaseText)
  const words = [total > 0 ? bytes(total) : null, ...lease, barred && `in quarantine: ${barred.reason} (${barred.by})`]
  return words.filter((word) => word !== null && word !== undefined).join(', ') + (lease.length === 0 && !barred ? ', free' : '')
}

const leaseText = ({ endpoint, replica, state, fence }: Lease): string =>
  `${endpoint}${replica === 0 ? '' : ` (replica ${replica})`}, ${state}, fence ${fence}`

const labelsText = (labels: Record<string, string>): string | null =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ') || null

function nextSteps(view: NodeView): string[] {
  const { nodeId, presence, cordon, leases, quarantined } = view
  const [barred] = quarantined
  const [left] = namesLeft(view)
  return [
    presence === 'lost' ? `its endpoints move to other nodes; when the machine is gone for good: aim node forget ${nodeId}` : null,
    cordon?.drain && left !== undefined ? `what keeps ${left} here: aim explain ${left}` : null,
    cordon?.drain && leases.length === 0 ? 'drained: nothing runs here any more' : null,
    cordon === null ? null : `next: aim node uncordon ${nodeId}`,
    barred === undefined ? null : afterQuarantine(nodeId, barred),
  ].filter((line) => line !== null)
}

function afterQuarantine(nodeId: string, { gpu, freeBytes }: NodeView['quarantined'][number]): string {
  const clear = `aim node clear ${nodeId} ${gpu}`
  if (freeBytes === undefined) return `when GPU ${gpu} is sound again: ${clear}`
  return `GPU ${gpu} is given out again once ${bytes(freeBytes)} of its memory are free; by hand: ${clear}`
}
