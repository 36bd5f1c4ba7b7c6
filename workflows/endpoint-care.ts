import { CancellationScope, condition, isCancellation, log, sleep } from '@temporalio/workflow'
import type { Replica } from '../src/contracts/endpoint.js'
import type { Trouble } from '../src/contracts/supervise.js'
import type { EngineKey } from '../src/domain/engine.js'
import { policyOf } from '../src/domain/fallback/policies.js'
import { nextRung } from '../src/domain/health/ladder.js'
import { failuresAfter } from '../src/domain/restarts.js'
import { control, longOnNode, onNode, sweepNode, watchOnNode } from './activities.js'
import { bindLease } from './endpoint-news.js'
import { beginStep, byCare, endStep, publish, runningStep, type Supervised } from './endpoint-state.js'
import { rootFailure } from './record.js'
import { renewLease } from './renewed-lease.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/** Why an engine does not serve, and the class of that. `gpu`: the one at fault, where it is known; `freeBytes`: memory that proves it sound. */
type Problem = { why: string; failure: string; gpu?: number; freeBytes?: number }

/** Proves and watches the engine, and starts it again in place after each end, as long as that makes sense and no other was taken over. */
export async function keepAlive(its: Supervised): Promise<void> {
  const { adoptions } = its
  let problem: Problem | null = null
  while (its.adoptions === adoptions && its.state.replica !== null && its.state.trouble?.gone !== true) {
    problem = problem === null ? await serve(its, its.state.replica) : await startAgain(its, its.state.replica, problem)
  }
}

/** Until the engine is of no more use; says why. One that was started and never proved is proved first. */
async function serve(its: Supervised, replica: Replica): Promise<Problem> {
  const { nodeId, key, spec } = replica
  try {
    if (its.state.provedAtMs === null) served(its, key, await longOnNode(nodeId).proveReady({ key, spec }))
    return await watch(its, replica)
  } catch (error) {
    return problemOf(error)
  }
}

/** One long activity; it begins anew only with another worker on the node, because the one that ran it before may be gone without a word. */
async function watch(its: Supervised, { nodeId, key, spec }: Replica): Promise<Problem> {
  for (;;) {
    const { generation } = its
    const scope = new CancellationScope()
    try {
      const end = await scope.run(() =>
        Promise.race([watchOnNode(nodeId).watchEngine({ key, spec }), condition(() => its.generation !== generation).then(() => null)]),
      )
      if (end !== null) return end
    } finally {
      scope.cancel()
    }
  }
}

/** Another engine may have been taken over meanwhile. */
function served(its: Supervised, key: EngineKey, { pid, url }: { pid: number; url: string }): void {
  const { state } = its
  if (state.replica?.key !== key) return
  const now = Date.now()
  const downMs = state.downSinceMs === null ? null : now - state.downSinceMs
  state.replica = { ...state.replica, pid, url }
  if (downMs !== null && runningStep(state, byCare)?.did !== 'adopt') {
    state.restarts += 1
    state.lastRestart = { at: new Date(now).toISOString(), why: state.reason ?? '', downMs }
  }
  endStep(state, 'done', downMs === null ? 'it answers' : `it answers, after ${Math.round(downMs / 100) / 10} s`, byCare)
  Object.assign(state, { provedAtMs: now, downSinceMs: null, reason: null, next: state.trouble === null ? null : state.next })
  publish(its)
}

/**
 * Starts the engine under its next key, or leaves it to the healing. The key is kept before the start, so that nobody loses the engine.
 * Answers what kept it from starting, if anything.
 */
async function startAgain(its: Supervised, replica: Replica, problem: Problem): Promise<Problem | null> {
  const { state } = its
  const { why, failure } = problem
  const now = Date.now()
  state.failures = failuresAfter(state.failures, state.provedAtMs === null ? 0 : now - state.provedAtMs)
  endStep(state, 'failed', why, byCare)
  Object.assign(state, { provedAtMs: null, downSinceMs: state.downSinceMs ?? now, reason: why })
  const rung = nextRung(failure, state.failures, why)
  if (rung.do === 'repair') {
    await stopForGood(replica)
    if (policyOf(failure).quarantine) await keepFromOthers(replica, problem)
    if (state.replica?.key !== replica.key) return null
    Object.assign(state, { trouble: troubleAfter(state, replica, rung.why), reason: rung.why })
    publish(its)
    return null
  }
  state.next = rung.delayMs === 0 ? 'it is started again' : `it is started again in ${rung.delayMs / 1_000} s`
  beginStep(state, 'restart', why)
  publish(its)
  try {
    if (rung.delayMs > 0) await sleep(rung.delayMs)
    // Stopped by somebody: its lease may have gone with it. Where others have the place, the launch or its fence says so.
    const renewed = failure === 'gone' ? await renew(its, replica) : null
    if (renewed === null && state.replica?.key !== replica.key) return null
    const next = renewed ?? { ...replica, key: { ...replica.key, launch: replica.key.launch + 1 } }
    state.replica = next
    await Promise.all([renewed && bindLease(renewed), launchUnderLease(its, next)])
    return null
  } catch (error) {
    return problemOf(error)
  }
}

/** A place that is to be left anyway is left for that reason: for as long as it takes. */
function troubleAfter({ trouble }: Supervised['state'], { nodeId: node, spec }: Replica, why: string): Trouble {
  const after = { gone: true, rung: 'repair', tries: 0, retryAtMs: null } as const
  if (trouble?.kind === 'drain') return { ...trouble, ...after, why: `${trouble.why}; ${why}` }
  return { kind: 'crash', why, avoid: [{ node, gpus: spec.gpus }], ...after }
}

async function launchUnderLease(its: Supervised, replica: Replica): Promise<void> {
  const { nodeId, key, spec } = replica
  try {
    await onNode(nodeId).launchEngine({ key, spec })
  } catch (error) {
    const renewed = rootFailure(error).type === 'LeaseFenced' ? await renew(its, replica) : null
    if (renewed === null) throw error
    await Promise.all([bindLease(renewed), onNode(nodeId).launchEngine({ key: renewed.key, spec })])
  }
}

/** In the same place under a new lease, kept before it is used; null: others have the place, or the endpoint has another engine now. */
async function renew({ state }: Supervised, replica: Replica): Promise<Replica | null> {
  const key = await renewLease(replica, (granted) => {
    if (state.replica?.key !== replica.key) return false
    state.replica = { ...replica, key: granted }
    return true
  })
  return key && { ...replica, key }
}

/** Its place may be wanted. A node that does not answer is left: when it comes back, what has no lease there ends first. */
async function stopForGood({ nodeId, key }: Replica): Promise<void> {
  try {
    await keepStuckAway(nodeId, await sweepNode(nodeId).stopIfRunning({ key }))
  } catch (error) {
    if (isCancellation(error)) throw error
    log.warn('an engine that was given up could not be stopped', { node: nodeId, error: rootMessage(error) })
  }
}

/** Which of several GPUs is at fault nobody knows: then they are only avoided. */
async function keepFromOthers({ nodeId, spec: { gpus } }: Replica, { why, gpu: named, freeBytes }: Problem): Promise<void> {
  const gpu = named ?? (gpus.length > 1 ? undefined : gpus[0])
  if (gpu === undefined) return
  try {
    await control.quarantineGpu({ nodeId, gpu, reason: why.slice(0, 500), ...(freeBytes !== undefined && { freeBytes }) })
  } catch (error) {
    if (isCancellation(error)) throw error
    log.warn('a GPU was not put into quarantine', { node: nodeId, gpu, error: rootMessage(error) })
  }
}

function problemOf(error: unknown): Problem {
  if (isCancellation(error)) throw error
  const { type, message, details } = rootFailure(error)
  const { failure, gpu, needed } = details
  return {
    why: message,
    failure: String(failure ?? type),
    ...(typeof gpu === 'number' && { gpu }),
    ...(typeof needed === 'number' && { freeBytes: needed }),
  }
}
