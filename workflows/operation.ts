import { sleep, type ApplicationFailure } from '@temporalio/workflow'
import type { OperationAnswer, Run } from '../src/contracts/messages.js'
import type { Operation } from '../src/contracts/endpoint.js'
import { control, waiting } from './activities.js'
import { failure } from './input.js'
import type { Undo } from './saga.js'

type Request = { endpoint: string; kind: Operation['kind']; requestFingerprint: string; revisionFloor: number }
export type Lock = Exclude<OperationAnswer, { outcome: 'busy' }>

/**
 * Takes the endpoint's one-operation lock, or finds the same request at work. Another operation at work: `OperationInProgress`; only
 * a repair, which nobody asked for, makes way.
 */
export async function takeLock(request: Request, undo: Undo): Promise<Lock> {
  const { endpoint } = request
  undo(() => control.endOperation({ endpoint }))
  for (let tries = 0; ; tries += 1) {
    const answer = await control.beginOperation(request)
    if (answer.outcome !== 'busy') return answer
    if (answer.kind !== 'repair' || request.kind === 'repair') throw inProgress(endpoint, answer.holder)
    await endHolder(answer.holder, tries)
  }
}

/** Calls off what holds the lock. One that is closed and still holds it is being cleaned up after, which may take its time. */
export async function endHolder(run: Run, tries: number): Promise<void> {
  if (tries > 0) await sleep(Math.min(250 * 2 ** (tries - 1), 15_000))
  await control.cancelRun({ run })
  await waiting.awaitClosed({ run })
}

function inProgress(endpoint: string, { workflowId }: Run): ApplicationFailure {
  return failure('OperationInProgress', `endpoint ${endpoint} is held by another operation: ${workflowId}`, { endpoint, workflowId })
}
