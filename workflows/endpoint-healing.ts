import { condition, executeChild, isCancellation } from '@temporalio/workflow'
import type { DeployInput, DeployRequest } from '../src/contracts/deploy.js'
import type { DeployResult, EndpointRevision } from '../src/contracts/endpoint.js'
import { passes } from '../src/contracts/errors.js'
import { requestFingerprint } from '../src/contracts/request-fingerprint.js'
import type { Supervision, Trouble } from '../src/contracts/supervise.js'
import { workflowIds } from '../src/contracts/workflow-ids.js'
import { repairDelayMs } from '../src/domain/health/ladder.js'
import { beginStep, byHealing, endStep, publish, type Supervised } from './endpoint-state.js'
import { rootFailure } from './record.js'

/** Whoever took a repair's place is let in first. */
const HOLD_OFF_MS = 30_000
/** Failures that pass by themselves are waited out so often before it is given up. */
const MOST_TRIES = 4

/**
 * Brings an endpoint back that a restart in place does not help: in another place, then in the last good revision, each as a deploy of its
 * own. A node that may return, or that is only to be left, is reason to try again for ever; all else ends as degraded, with the reason.
 */
export async function heal(its: Supervised): Promise<void> {
  const { state } = its
  while (state.trouble !== null && !state.degraded) {
    const { trouble } = state
    const waitMs = trouble.retryAtMs === null ? 0 : trouble.retryAtMs - Date.now()
    if (waitMs > 0) await condition(() => state.trouble !== trouble, waitMs)
    // It waits no more: what it does now is let finish, also when its node returns.
    if (state.trouble === trouble) await attempt(its, { ...trouble, retryAtMs: null })
  }
}

async function attempt(its: Supervised, trouble: Trouble): Promise<void> {
  const { state, endpoint } = its
  const { revision } = state
  if (isOver(its, trouble)) return
  state.trouble = trouble
  const target = trouble.rung === 'rollback' ? state.good : revision
  if (target === null) return giveUp(its, trouble, 'there is no revision to come back to')
  const stay = whyItStays(target, trouble)
  if (stay !== null) return climb(its, trouble, 'NoCandidate', stay)
  state.repairs += 1
  beginStep(state, trouble.rung, trouble.why)
  state.next = trouble.rung === 'repair' ? 'another place is sought' : `it comes back as revision ${target.revision}`
  publish(its)
  try {
    const result: DeployResult = await executeChild('deployModel', {
      workflowId: workflowIds.repair(endpoint, state.repairs),
      args: [requestFor(target, trouble)],
      parentClosePolicy: 'REQUEST_CANCEL',
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      staticSummary: `${trouble.rung} of ${endpoint}: ${trouble.why}`.slice(0, 200),
    })
    endStep(state, 'done', `serves on ${result.node ?? 'its node'}${result.gaveUp === null ? '' : `, without ${result.gaveUp}`}`, byHealing)
    // The adoption has cleared it; a deploy that changed nothing found it well.
    if (state.trouble === trouble) Object.assign(state, { trouble: null, reason: null, next: null })
    publish(its)
  } catch (error) {
    const { type, message } = rootFailure(error)
    endStep(state, 'failed', message, byHealing)
    // What was heard meanwhile counts for more than how this came out.
    if (state.trouble !== trouble) return publish(its)
    if (isCancellation(error) || type === 'OperationInProgress' || type === 'Cancelled') return holdOff(its, trouble)
    climb(its, trouble, type, message)
  }
}

/** Why there is no other place for it whatever a plan says; null: there may be one. */
function whyItStays({ request: { endpoint, node } }: EndpointRevision, { rung, avoid }: Trouble): string | null {
  const isBarred = rung === 'repair' && avoid.some((place) => place.node === node && place.gpus.length === 0)
  return isBarred ? `${endpoint} was deployed for node ${node} alone: stop it, or deploy it again without that` : null
}

/**
 * The same request once more, at the commit that served: a branch that moved is a person's to deploy. Only where other repositories were
 * allowed it stays a branch. A rollback is pinned to what served: recipe, repository and commit.
 */
function requestFor(revision: EndpointRevision, { why, avoid, gone, rung }: Trouble): DeployInput {
  const { request, model, commit } = revision
  const repair = { why: why.slice(0, 2_000), avoid: rung === 'repair' ? avoid : [], gone }
  if (rung === 'rollback') return { ...pinned(revision), repair }
  return { ...request, ...(model === request.model && request.precisions === undefined && { ref: commit }), repair }
}

const pinned = ({ request, model, commit, recipe }: EndpointRevision): DeployRequest => ({ ...request, model, ref: commit, recipe })

/** Another operation has the lock, or cancelled us: what it does counts. */
function holdOff(its: Supervised, trouble: Trouble): void {
  its.state.trouble = { ...trouble, retryAtMs: Date.now() + HOLD_OFF_MS }
}

/** A repair failed: what comes next. */
function climb(its: Supervised, trouble: Trouble, code: string, message: string): void {
  const { state } = its
  if (isOver(its, trouble)) return
  const tries = trouble.tries + 1
  if (trouble.kind !== 'lost' && trouble.kind !== 'drain') {
    if (!passes(code) || tries >= MOST_TRIES) {
      if (trouble.rung === 'repair' && canRollBack(state)) state.trouble = { ...trouble, rung: 'rollback', tries: 0, retryAtMs: null }
      else giveUp(its, trouble, message)
      return
    }
  }
  const delayMs = repairDelayMs(tries)
  state.trouble = { ...trouble, tries, retryAtMs: Date.now() + delayMs }
  const wait = trouble.kind === 'lost' ? `it waits for node ${state.replica?.nodeId ?? ''}, and` : 'it'
  state.next = `${wait} tries another place again in ${delayMs / 60_000} min; the last try: ${message}`
  publish(its)
}

/** Its node answers again, and its lease was still its own: what runs there is proved before it counts. */
export function comeBack(its: Supervised): void {
  const { state } = its
  const node = state.replica?.nodeId ?? ''
  beginStep(state, 'adopt', `node ${node} answers again`)
  Object.assign(state, { trouble: null, provedAtMs: null, reason: `node ${node} answers again`, next: 'what runs there is proved' })
  publish(its)
}

/** Its node is drained no more. What runs there goes on, or is started again. */
export function stay({ state }: Supervised): void {
  Object.assign(state, { trouble: null, next: null })
}

/** What was heard while a repair was let finish: there may be no reason for another one. */
function isOver(its: Supervised, { kind }: Trouble): boolean {
  const { presence, draining } = its.state
  if (kind === 'lost' && presence === 'ready') comeBack(its)
  else if (kind === 'drain' && !draining) stay(its)
  else return false
  return true
}

/** Where it runs is not what it is: a revision that only moved is the same. */
function canRollBack({ good, revision }: Supervision): boolean {
  return good !== null && revision !== null && requestFingerprint(pinned(good)) !== requestFingerprint(pinned(revision))
}

function giveUp(its: Supervised, { why, rung }: Trouble, message: string): void {
  const { state, endpoint } = its
  beginStep(state, 'gave up', why)
  endStep(state, 'failed', message)
  const next = `nothing is tried any more: aim explain ${endpoint}, then aim deploy or aim stop ${endpoint}`
  Object.assign(state, { degraded: true, reason: `${why}; ${rung}: ${message}`, next, trouble: null })
  publish(its)
}
