import type { EndpointStatus } from '../../client/types.js'
import type { OperationProgress } from '../../contracts/deploy.js'
import type { EndpointPhase, EndpointView, Replica } from '../../contracts/endpoint.js'
import { openAiUrl } from '../endpoint-url.js'
import type { ExitCode } from '../exit-codes.js'
import { listReport, recordReport, type Column, type Field, type Report } from '../output/report.js'
import type { Style } from '../output/style.js'
import { duration, moment } from '../output/units.js'
import { questionText } from '../progress/frame.js'
import { transferText } from '../progress/rate.js'
import { healingFields } from './health.js'
import { nodeText } from './node-text.js'

type State = EndpointPhase | 'unknown'

const STYLES: Record<State, Style> = {
  serving: 'green',
  deploying: 'cyan',
  restarting: 'yellow',
  repairing: 'yellow',
  stopping: 'yellow',
  degraded: 'red',
  unknown: 'red',
}

/** What a script learns from `aim status NAME` without reading it. */
const EXITS: Record<State, ExitCode> = { serving: 0, deploying: 8, restarting: 8, repairing: 8, stopping: 8, degraded: 1, unknown: 1 }

const stateOf = ({ view }: EndpointStatus): State => view?.phase ?? 'unknown'
const stateStyle = (status: EndpointStatus): Style => STYLES[stateOf(status)]
/** What the endpoint has may be the last of an engine that has ended: neither its address nor its process is told as if it were there. */
export const mayAnswer = ({ phase }: Pick<EndpointView, 'phase'>): boolean => phase === 'serving' || phase === 'stopping'
const nodeOf = ({ nodeId, simulated }: Replica): string => nodeText(nodeId, simulated)
const reasonOf = ({ view, problem }: EndpointStatus): string | null => problem ?? view?.reason ?? null

const COLUMNS: Column<EndpointStatus>[] = [
  { header: 'NAME', value: ({ endpoint }) => endpoint, style: () => 'bold' },
  { header: 'STATE', value: stateOf, style: stateStyle },
  { header: 'REV', value: ({ view }) => (view?.revision ? String(view.revision.revision) : null), align: 'right' },
  { header: 'MODEL', value: ({ view }) => view?.revision?.model ?? null, flexible: true },
  { header: 'COMMIT', value: ({ view }) => view?.revision?.commit ?? null, wide: true },
  { header: 'RECIPE', value: ({ view }) => view?.revision?.recipe ?? null, wide: true },
  { header: 'BACKEND', value: ({ view }) => view?.replica?.spec.backend ?? null, wide: true },
  { header: 'NODE', value: ({ view }) => (view?.replica ? nodeOf(view.replica) : null), flexible: true },
  { header: 'GPUS', value: ({ view }) => (view?.replica ? gpusText(view.replica.spec.gpus) : null) },
  { header: 'URL', value: ({ view }) => (view?.replica ? openAiUrl(view.replica.url) : null) },
  { header: 'RESTARTS', value: ({ view }) => (view ? String(view.restarts) : null), align: 'right' },
  { header: 'DEPLOYED', value: ({ view, startedAt }, { time, now }) => moment(view?.revision?.deployedAt ?? startedAt, time, now) },
  { header: 'BY', value: ({ view }) => view?.revision?.deployedBy ?? null, wide: true },
  { header: 'REASON', value: reasonOf, flexible: true },
]

export function endpointsReport(endpoints: EndpointStatus[]): Report {
  const unwell = endpoints.some((status) => EXITS[stateOf(status)] === 1)
  return listReport({
    items: endpoints,
    columns: COLUMNS,
    name: ({ endpoint }) => endpoint,
    empty: 'no endpoint is deployed; next: aim deploy org/name',
    exit: unwell ? 1 : 0,
  })
}

/** One endpoint in full, with the steps of the operation that runs on it. */
export function endpointReport(status: EndpointStatus, progress: OperationProgress | null): Report {
  return recordReport({
    data: { ...status, progress },
    name: status.endpoint,
    fields: ({ time, now }) => [...fieldsOf(status, (iso) => moment(iso, time, now)), ...stepFields(progress, now)],
    exit: EXITS[stateOf(status)],
  })
}

/** Of what was tried, so much is of use at a glance; `aim explain` shows all of it. */
const SHOWN_STEPS = 3

function fieldsOf(status: EndpointStatus, when: (iso: string) => string): Field[] {
  const { endpoint, view } = status
  const { revision = null, replica = null, operation = null, lastRestart = null } = view ?? {}
  const runs = view !== null && mayAnswer(view)
  return [
    ['endpoint', endpoint],
    ['state', stateOf(status), stateStyle(status)],
    ['reason', reasonOf(status)],
    ['next', view?.next ?? null],
    ['operation', operation && `${operation.kind} ${operation.workflowId}`],
    ['url', replica && `${openAiUrl(replica.url)}${runs ? '' : ', which does not answer now'}`],
    ['model id', replica && replica.spec.servedName],
    ['model', revision && `${revision.model}@${revision.commit.slice(0, 12)}`],
    ['revision', revision && `${revision.revision}, deployed ${when(revision.deployedAt)} by ${revision.deployedBy}`],
    ['recipe', revision && revision.recipe],
    ['backend', replica && replica.spec.backend],
    ['node', replica && `${nodeOf(replica)} (${gpusText(replica.spec.gpus)}${runs ? `, pid ${replica.pid}` : ''})`],
    ['presence', view && view.presence !== 'ready' ? `the node is ${view.presence}` : null, 'yellow'],
    ['restarts', view && String(view.restarts)],
    [
      'last restart',
      lastRestart &&
        `${when(lastRestart.at)}: ${lastRestart.why}${lastRestart.downMs === null ? '' : `, down ${duration(lastRestart.downMs)}`}`,
    ],
    ...healingFields((view?.healing ?? []).slice(-SHOWN_STEPS), when),
  ]
}

function stepFields(progress: OperationProgress | null, now: number): Field[] {
  const shown = (progress?.steps ?? []).filter(({ state }) => state !== 'waiting')
  const question = questionText({ progress, problem: null })
  const steps = shown.map(({ step, state, startedAt, endedAt, detail }): Field => {
    const took =
      startedAt === undefined ? null : duration(Math.max(0, (endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt)))
    const moved = state === 'running' && progress?.bytes ? transferText(progress.bytes, { bytesPerSecond: null, etaMs: null }) : null
    return [step, [state, took, detail, moved].filter(Boolean).join('  ')]
  })
  return question === null ? steps : [...steps, ['asks', question, 'yellow']]
}

function gpusText(gpus: number[]): string {
  return gpus.length === 0 ? 'CPU' : `GPU ${gpus.join(',')}`
}
