import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError, type Client } from '@temporalio/client'
import type { DeployInput } from '../../src/contracts/deploy.js'
import { CONTROL_QUEUE } from '../../src/contracts/task-queues.js'
import { workflowIds } from '../../src/contracts/workflow-ids.js'
import type { FoundEndpoint } from './invariants.js'
import type { FaultName, PlannedEndpoint } from './schedule.js'

/** One deploy or stop as a person starts it. `failure`: why it did not end well; null: it did, or is not over. */
export type Operation = {
  kind: 'deploy' | 'stop'
  endpoint: string
  workflowId: string
  /** It was under way, or over, and goes on from its beginning because somebody reset it. */
  isReset: boolean
  startedAt: number
  endedAt: number | null
  failure: string | null
  done: Promise<void>
}

/** Starts an operation now; the server may be away for a while, and then it is asked again, as a person would. */
export function deploy(client: Client, { name, model, gpus }: PlannedEndpoint, workflowId = workflowIds.deploy(name)): Operation {
  const input: DeployInput = { endpoint: name, model, gpus, backend: 'vllm' }
  return operate(client, 'deploy', name, workflowId, { type: 'deployModel', input })
}

/** One that is under way again, because it was reset. */
export function follow(client: Client, endpoint: string, workflowId: string): Operation {
  return operate(client, 'deploy', endpoint, workflowId, null)
}

export function stop(client: Client, endpoint: string): Operation {
  const input = { endpoint, graceSeconds: 2 }
  return operate(client, 'stop', endpoint, workflowIds.undeploy(endpoint), { type: 'undeployModel', input })
}

function operate(
  client: Client,
  kind: Operation['kind'],
  endpoint: string,
  workflowId: string,
  begin: { type: string; input: object } | null,
): Operation {
  const known = { kind, endpoint, workflowId, isReset: begin === null, startedAt: Date.now() }
  const operation: Operation = { ...known, endedAt: null, failure: null, done: Promise.resolve() }
  operation.done = (async () => {
    if (begin !== null) await patiently(() => start(client, workflowId, begin))
    operation.failure = await failureOf(client, workflowId)
    operation.endedAt = Date.now()
  })()
  return operation
}

async function start(client: Client, workflowId: string, { type, input }: { type: string; input: object }): Promise<void> {
  await client.workflow.start(type, { workflowId, taskQueue: CONTROL_QUEUE, args: [input] }).catch((error: unknown) => {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
  })
}

/** Why it did not end well; null: it did. A run that was ended by a reset is not the end: the run after it counts. */
async function failureOf(client: Client, workflowId: string): Promise<string | null> {
  const handle = client.workflow.getHandle(workflowId)
  for (;;) {
    const failure = await patiently(() => handle.result()).then(
      () => null,
      (error: unknown) => wordsOf(error),
    )
    const { status } = await patiently(() => handle.describe())
    if (status.name === 'COMPLETED') return null
    if (status.name !== 'RUNNING') return failure ?? status.name
  }
}

/** Asks again while the server cannot be reached. */
export async function patiently<T>(ask: () => Promise<T>, forMs = 60_000): Promise<T> {
  const until = Date.now() + forMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const final = error instanceof WorkflowFailedError || error instanceof WorkflowExecutionAlreadyStartedError
      if (final || Date.now() > until) throw error
      await sleep(200)
    }
  }
}

/** What must be true of an endpoint once these have ended. */
export function wantedOf(operations: Operation[]): FoundEndpoint['wanted'] {
  const deploys = operations.filter(({ kind }) => kind === 'deploy')
  const stopped = operations.find(({ kind }) => kind === 'stop')
  if (stopped !== undefined) {
    // A deploy that is not over when the stop begins is cancelled by it, or comes after it: either is right. One that was reset before runs by then.
    const clear = deploys.every(({ startedAt, endedAt, failure, isReset }) => {
      if (endedAt === null) return false
      return failure !== null || endedAt < stopped.startedAt || (isReset && startedAt < stopped.startedAt)
    })
    return stopped.failure === null && clear ? 'stopped' : 'whichever'
  }
  return deploys.some(({ failure, endedAt }) => endedAt !== null && failure === null) ? 'serving' : 'whichever'
}

/** Faults that are a reason for a deploy to fail by itself, each in its own words. */
const MAY_FAIL: Partial<Record<FaultName, RegExp>> = {
  'disk full': /DiskFull/,
  'GPU gone': /NoCandidate|FallbackExhausted/,
  'node cut off': /NoCandidate|FallbackExhausted|NodeLost|NoNode|NodeSilent/,
  'terminated by hand': /by hand|erminated/,
}

/** A stop that has begun calls a deploy off, or is let finish. */
const BY_A_STOP = /ancel|^OperationInProgress: .* undeploy\//

/** Operations that failed although nothing that was done to them is a reason. */
export function needlessFailures(operations: Operation[], fault: FaultName): string[] {
  return operations.flatMap(({ kind, endpoint, failure, endedAt }) => {
    const stopped = operations.some(
      (other) => other.kind === 'stop' && other.endpoint === endpoint && other.startedAt <= (endedAt ?? Infinity),
    )
    const mayBe = failure === null || MAY_FAIL[fault]?.test(failure) === true || (kind === 'deploy' && stopped && BY_A_STOP.test(failure))
    // All GPUs may have been given to others: a plan says so.
    return mayBe || /no other endpoint has/.test(failure ?? '') ? [] : [`${kind} ${endpoint}: ${failure}`]
  })
}

/** The innermost cause says it. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return wordsOf(error.cause)
  const type = 'type' in error && typeof error.type === 'string' ? `${error.type}: ` : ''
  return `${type}${error.message}`
}
