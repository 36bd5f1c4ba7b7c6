import { ActivityFailure, CancellationScope, TimeoutFailure, condition, isCancellation, log, sleep } from '@temporalio/workflow'
import { attendOnNode } from './activities.js'
import type { NodeOwner } from './node-owner.js'
import { rootMessage } from './steps.js'

/** So long a last, fresh attendance is offered before the node counts as lost: a grace time may pass while Temporal itself is down. */
const CONFIRM_MS = 3_000
const BACKOFF_MS = { first: 1_000, most: 30_000 }

/**
 * Knows whether the node answers: one long activity there that beats. When it ends the node is `unknown`; when nobody is heard of the next ones
 * for the node's grace time, it is `lost`; one that is taken up says so itself, by the updates `register` and `arrive`.
 */
export async function keepPresence(owner: NodeOwner): Promise<never> {
  for (let failures = 0; ;) {
    const waitMs = graceLeft(owner)
    let end = waitMs === 0 ? 'silent' : await attendOnce(owner, waitMs)
    if (end === 'silent') end = await confirm(owner)
    owner.state.attendedBy = end === 'over' ? owner.state.attendedBy : null
    if (end === 'over' || end === 'silent') failures = 0
    if (end === 'over') continue
    owner.setPresence(end === 'silent' ? 'lost' : owner.state.presence === 'lost' ? 'lost' : 'unknown')
    if (end !== 'failed') continue
    await sleep(Math.min(BACKOFF_MS.first * 2 ** failures, BACKOFF_MS.most))
    failures += 1
  }
}

/** The last chance: whoever is not heard now is silent, whatever became of the attendance. */
async function confirm(owner: NodeOwner): Promise<End> {
  const end = await attendOnce(owner, CONFIRM_MS)
  return owner.heardTurn < owner.state.turn ? 'silent' : end
}

/** `over`: it has lasted its time; `silent`: nobody was heard; `broken`: it ended with its process or made way; `failed`: it could not begin. */
type End = 'over' | 'silent' | 'broken' | 'failed'

/** That it was taken up proves nothing: a poll of a cut connection takes it too. `waitMs`: so long for a word of it; null: for ever. */
async function attendOnce(owner: NodeOwner, waitMs: number | null): Promise<End> {
  const { state } = owner
  state.turn += 1
  const { turn } = state
  const scope = new CancellationScope()
  let why: End | null = null
  const endAs = (end: End) => {
    why ??= end
    scope.cancel()
  }
  owner.onReplaced = () => endAs('broken')
  try {
    await scope.run(async () => {
      const attendance = attendOnNode(owner.nodeId).attendNode({ turn })
      if (waitMs !== null) void heard(owner, turn, waitMs).then((yes) => yes || endAs('silent'))
      await attendance
    })
    return 'over'
  } catch (error) {
    if (isCancellation(error) && why === null) throw error
    return why ?? endOf(error, owner.nodeId)
  }
}

/** Answers true also when the attendance has ended before. */
async function heard(owner: NodeOwner, turn: number, waitMs: number): Promise<boolean> {
  try {
    return await condition(() => owner.heardTurn >= turn || owner.state.turn > turn, waitMs)
  } catch (error) {
    if (isCancellation(error)) return true
    throw error
  }
}

/** What is left of the grace time, without its end; null: a node that is lost may come back at any time. A clock that was set back prolongs nothing. */
function graceLeft({ state: { presence, since, graceSeconds } }: NodeOwner): number | null {
  if (presence === 'lost') return null
  const graceMs = graceSeconds * 1_000
  const leftMs = presence === 'ready' ? graceMs : Math.min(graceMs, Date.parse(since) + graceMs - Date.now())
  return Math.max(0, leftMs - CONFIRM_MS)
}

function endOf(error: unknown, nodeId: string): End {
  const cause = error instanceof ActivityFailure ? error.cause : error
  if (cause instanceof TimeoutFailure) return cause.timeoutType === 'START_TO_CLOSE' ? 'over' : 'broken'
  if (cause instanceof Error && 'type' in cause && cause.type === 'WorkerShutdown') return 'broken'
  log.warn('a node could not be attended', { node: nodeId, error: rootMessage(error) })
  return 'failed'
}
