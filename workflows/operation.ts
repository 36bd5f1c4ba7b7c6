import { sleep, type ApplicationFailure } from '@temporalio/workflow'
import type { OperationAnswer, Run } from '../src/contracts/messages.js'
import type { Operation } from '../src/contracts/endpoint.js'
import { control, waiting } from './activities.js'
import { failure } from './input.js'
import type { Undo } from './saga.js'

type Request = { endpoint: string; kind: Operation['kind']; requestFingerprint: string; revisionFloor: number }
/** `run` is whose the lock is; a history of an earlier version does not say it. */
export type Begun = Extract<OperationAnswer, { outcome: 'begun' }> & { run?: Run }
export type Lock = Begun | { outcome: 'joined'; result: unknown }

/** A holder that is closed is cleaned up after, and then the lock is free: mostly at once, and later where a node takes its time. */
const untilFreed = (tries: number) => sleep(Math.min(250 * 2 ** tries, 15_000))

/**
 * Takes the endpoint's one-operation lock, or waits for the same request at work. Another operation at work: `OperationInProgress`; only
 * a repair, which nobody asked for, makes way.
 */
export async function takeLock(request: Request, undo: Undo): Promise<Lock> {
  const { endpoint } = request
  undo(() => control.endOperation({ endpoint }))
  for (let tries = 0; ; tries += 1) {
    const answer = await control.beginOperation(request)
    if (answer.outcome === 'begun') return answer
    if (answer.outcome === 'attach') {
      const result = await resultOf(answer.holder, tries)
      if (result !== null) return { outcome: 'joined', result }
      continue
    }
    if (answer.kind === 'repair' && request.kind !== 'repair') await endHolder(answer.holder, tries)
    else if (await control.isClosed({ run: answer.holder })) await untilFreed(tries)
    else throw inProgress(endpoint, answer.holder)
  }
}

/** Calls off what holds the lock. */
export async function endHolder(run: Run, tries: number): Promise<void> {
  if (tries > 0) await untilFreed(tries)
  await control.cancelRun({ run })
  await waiting.awaitClosed({ run })
}

/** What the run that has the lock comes to; null: it was ended from outside, and the lock will be free in a moment. */
export async function resultOf(holder: Run, tries: number): Promise<unknown> {
  const result = await waiting.awaitResult({ run: holder })
  if (result === null) await untilFreed(tries)
  return result
}

function inProgress(endpoint: string, { workflowId }: Run): ApplicationFailure {
  return failure('OperationInProgress', `endpoint ${endpoint} is held by another operation: ${workflowId}`, { endpoint, workflowId })
}
