import type { EndpointView } from '../../contracts/endpoint.js'
import type { AttemptRecord, DeploymentHistory } from '../../contracts/records.js'
import { recordReport, type Field, type View } from '../output/report.js'
import { moment } from '../output/units.js'
import { healingFields } from './health.js'

/** What is told about an endpoint beside its plan: how it stands now, what was tried, what comes next. */
export type Trouble = {
  now: Pick<EndpointView, 'phase' | 'reason' | 'presence' | 'restarts' | 'healing' | 'next'> | null
  /** Tries that did not start, the newest first. */
  attempts: AttemptRecord[]
  /** The newest deploy, if it failed: it may have failed before anything was tried. */
  failed: { at: string; code: string; message: string } | null
}

/** Tries and lines of their logs that are shown; JSON has all of them. */
const SHOWN = 5
const LINES = 3

export function troubleOf(view: EndpointView | null, history: DeploymentHistory[]): Trouble {
  const now = view && {
    phase: view.phase,
    reason: view.reason,
    presence: view.presence,
    restarts: view.restarts,
    healing: view.healing,
    next: view.next,
  }
  const attempts = history.flatMap((record) => record.attempts.toReversed()).filter(({ outcome }) => outcome === 'failed')
  const last = history.find(({ kind }) => kind === 'deploy')
  return { now, attempts, failed: last?.state === 'failed' && last.error !== null ? { at: last.startedAt, ...last.error } : null }
}

/** Empty where nothing is or was wrong. */
export function troubleText({ now, attempts, failed }: Trouble, view: View): string {
  const fields = ({ time, now: at }: View): Field[] => {
    const when = (iso: string) => moment(iso, time, at)
    return [
      ['state', now && now.phase, now?.phase === 'serving' ? 'green' : 'yellow'],
      ['what is wrong', now && now.reason, 'red'],
      ['node', now && now.presence !== 'ready' ? now.presence : null, 'yellow'],
      ['last deploy', failed && `${when(failed.at)}: failed: ${failed.code}: ${failed.message}`, 'red'],
      ...healingFields(now?.healing ?? [], when),
      ...attempts.slice(0, SHOWN).flatMap((attempt) => attemptFields(attempt, when)),
      ['next', now && (now.next ?? 'nothing but watching')],
    ]
  }
  return (now === null || isWell(now)) && attempts.length === 0 && failed === null
    ? ''
    : `${recordReport({ data: null, name: null, fields }).text(view)}\n`
}

/** What serves may have something to tell as well: its node does not answer, or is drained and it cannot move. */
function isWell({ phase, reason, presence, healing, next }: NonNullable<Trouble['now']>): boolean {
  return phase === 'serving' && reason === null && presence === 'ready' && healing.length === 0 && next === null
}

function attemptFields({ recipe, node, failure, logTail, startedAt }: AttemptRecord, when: (iso: string) => string): Field[] {
  const lines = logTail.filter((line) => line.trim() !== '').slice(-LINES)
  return [
    ['did not start', `${when(startedAt)}: ${recipe} on ${node}: ${failure ?? 'unknown'}`, 'red'],
    ...lines.map((line): Field => ['', line]),
  ]
}
