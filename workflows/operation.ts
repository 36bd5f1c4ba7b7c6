import type { OperationAnswer } from '../src/contracts/messages.js'
import type { Operation } from '../src/contracts/endpoint.js'
import { control } from './activities.js'
import { failure } from './input.js'
import type { Undo } from './saga.js'

type Request = { endpoint: string; kind: Operation['kind']; requestFingerprint: string; revisionFloor: number }
export type Lock = Exclude<OperationAnswer, { outcome: 'busy' }>

/** Takes the endpoint's one-operation lock, or finds the same request at work. Another operation at work: `OperationInProgress`. */
export async function takeLock(request: Request, undo: Undo): Promise<Lock> {
  const { endpoint } = request
  undo(() => control.endOperation({ endpoint }))
  const answer = await control.beginOperation(request)
  if (answer.outcome !== 'busy') return answer
  const { workflowId } = answer.holder
  throw failure('OperationInProgress', `endpoint ${endpoint} is held by another operation: ${workflowId}`, { endpoint, workflowId })
}
