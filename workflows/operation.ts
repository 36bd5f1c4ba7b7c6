import { sleep, workflowInfo, type ApplicationFailure } from '@temporalio/workflow'
import type { OperationAnswer, Run } from '../src/contracts/messages.js'
import type { Operation } from '../src/contracts/endpoint.js'
import { control, waiting } from './activities.js'
import { failure } from './input.js'
import type { Undo } from './saga.js'

/** The endpoint's own workflow cleans up after a run that has ended before it frees the lock. */
const FREED_MS = 500

type Request = { endpoint: string; kind: Operation['kind']; requestFingerprint: string; revisionFloor: number }
export type Lock = Exclude<OperationAnswer, { outcome: 'busy' }>

/**
 * Takes the endpoint's one-operation lock, or finds the same request at work. An earlier run of this very workflow, which was terminated or reset,
 * is waited for until the lock is free of it. Another operation at work: `OperationInProgress`; only
 * a repair, which nobody asked for, makes way.
 */
export async function takeLock(request: Request, undo: Undo): Promise<Lock> {
  const { endpoint } = request
  undo(() => control.endOperation({ endpoint }))
  for (;;) {
    const answer = await control.beginOperation(request)
    if (answer.outcome === 'begun') return answer
    if (answer.holder.workflowId === workflowInfo().workflowId) {
      await waiting.awaitClosed({ run: answer.holder })
      await sleep(FREED_MS)
      continue
    }
    if (answer.outcome === 'attach') return answer
    if (answer.kind !== 'repair' || request.kind === 'repair') throw inProgress(endpoint, answer.holder)
    await control.cancelRun({ run: answer.holder })
    await waiting.awaitClosed({ run: answer.holder })
  }
}

function inProgress(endpoint: string, { workflowId }: Run): ApplicationFailure {
  return failure('OperationInProgress', `endpoint ${endpoint} is held by another operation: ${workflowId}`, { endpoint, workflowId })
}
