import type { Adoption, BeginOperation, OperationAnswer, Run } from '../src/contracts/messages.js'
import type { Supervision } from '../src/contracts/supervise.js'
import { engineKeyName } from '../src/domain/engine.js'

/** A new endpoint. The clock at its start keeps fences growing from one life of an endpoint to the next. */
export function newSupervision(nowMs: number): Supervision {
  return {
    fence: nowMs,
    operation: null,
    revision: null,
    replica: null,
    standingDown: false,
    retired: false,
    restarts: 0,
    lastRestart: null,
    failures: 0,
    provedAtMs: null,
    downSinceMs: null,
    reason: null,
    degraded: false,
    presence: 'ready',
    draining: false,
    instance: null,
    trouble: null,
    good: null,
    healing: [],
    next: null,
    repairs: 0,
  }
}

/** One operation per endpoint. Asked again by the same run, the answer is the same. */
export function begin(state: Supervision, { kind, requestFingerprint, revisionFloor, ...run }: BeginOperation): OperationAnswer {
  const { operation: held } = state
  if (held !== null && !isSameRun(held, run)) {
    const holder = { workflowId: held.workflowId, runId: held.runId }
    const same = kind === 'deploy' && held.kind === 'deploy' && held.requestFingerprint === requestFingerprint
    return same ? { outcome: 'attach', holder } : { outcome: 'busy', holder, kind: held.kind }
  }
  if (held === null) {
    state.fence += 1
    state.operation = { kind, ...run, requestFingerprint, fence: state.fence }
    state.retired = false
  }
  const { replica, revision } = state
  return {
    outcome: 'begun',
    fence: state.fence,
    revision: Math.max(revisionFloor, revision?.revision ?? 0) + 1,
    current: replica === null || revision === null ? null : { replica, revision, serving: state.reason === null },
  }
}

/** Takes a proved replica over and frees the lock. What a repair asked for beside what a person asked for is forgotten. False when the lock is somebody else's; true again when it was done before. */
export function adopt(state: Supervision, { replica, revision, ...run }: Adoption, nowMs: number): boolean {
  if (!holds(state, run)) return state.replica !== null && engineKeyName(state.replica.key) === engineKeyName(replica.key)
  const sound = { reason: null, degraded: false, failures: 0, provedAtMs: nowMs, downSinceMs: null, restarts: 0, lastRestart: null }
  const asked = state.operation?.kind === 'repair' && state.trouble?.rung === 'repair' ? state.revision?.request : undefined
  const { repair: _, ...request } = asked ?? revision.request
  const well = { trouble: null, presence: 'ready', draining: false, instance: null, next: null }
  // A rollback comes back to what served well until this took its place.
  if (state.revision?.revision !== revision.revision && state.provedAtMs !== null) state.good = state.revision
  Object.assign(state, { replica, revision: { ...revision, request }, operation: null, standingDown: false, ...sound, ...well })
  return true
}

/** Frees the lock; an engine that had been let go for this operation is the supervisor's again. */
export function end(state: Supervision, run: Run): void {
  if (!holds(state, run)) return
  if (state.standingDown) takeUp(state)
  state.operation = null
}

/** Whether an engine that was let go still answers is found out first. */
export function takeUp(state: Supervision): void {
  Object.assign(state, { standingDown: false, provedAtMs: null })
}

/**
 * Ends the endpoint: nothing serves under its name any more, and what went wrong with it is no concern of a deploy that comes next.
 * False when the lock is somebody else's; true again when it was done before.
 */
export function retire(state: Supervision, run: Run): boolean {
  if (!holds(state, run)) return state.retired
  const past = { replica: null, provedAtMs: null, reason: null, degraded: false, trouble: null, good: null, next: null }
  Object.assign(state, { operation: null, retired: true, ...past })
  return true
}

export function holds(state: Supervision, run: Run): boolean {
  return state.operation !== null && isSameRun(state.operation, run)
}

function isSameRun(a: Run, b: Run): boolean {
  return a.workflowId === b.workflowId && a.runId === b.runId
}
