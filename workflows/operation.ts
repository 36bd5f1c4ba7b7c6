import { sleep, type ApplicationFailure } from '@temporalio/workflow'
import type { OperationAnswer, Run } from '../src/contracts/messages.js'
import type { Operation } from '../src/contracts/endpoint.js'
import { control, waiting } from './activities.js'
import { failure } from './input.js'
import type { Undo } from './saga.js'

type Request = { endpoint: string; kind: Operation['kind']; requestFingerprint: string; revisionFloor: number }
export type Lock = Extract<OperationAnswer, { outcome: 'begun' }> | { outcome: 'joined'; result: unknown }

/** A holder that was ended from outside is cleaned up after, and then the lock is free. */
const FREED_MS = 250

/**
 * Takes the endpoint's one-operation lock, or waits for the same request at work. Another operation at work: `OperationInProgress`; only
 * a repair, which nobody asked for, makes way.
 */
export async function takeLock(request: Request, undo: Undo): Promise<Lock> {
  const { endpoint } = request
  undo(() => control.endOperation({ endpoint }))
  for (;;) {
    const answer = await control.beginOperation(request)
    if (answer.outcome === 'begun') return answer
    if (answer.outcome === 'attach') {
      const result = await resultOf(answer.holder)
      if (result !== null) return { outcome: 'joined', result }
      continue
    }
    if (answer.kind === 'repair' && request.kind !== 'repair') {
      await control.cancelRun({ run: answer.holder })
      await waiting.awaitClosed({ run: answer.holder })
    } else if (await control.isClosed({ run: answer.holder })) await sleep(FREED_MS)
    else throw inProgress(endpoint, answer.holder)
  }
}

/** What the run that has the lock comes to; null: it was ended from outside, and the lock will be free in a moment. */
export async function resultOf(holder: Run): Promise<unknown> {
  const result = await waiting.awaitResult({ run: holder })
  if (result === null) await sleep(FREED_MS)
  return result
}

function inProgress(endpoint: string, { workflowId }: Run): ApplicationFailure {
  return failure('OperationInProgress', `endpoint ${endpoint} is held by another operation: ${workflowId}`, { endpoint, workflowId })
}
