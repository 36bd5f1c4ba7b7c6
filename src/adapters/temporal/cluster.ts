import { WithStartWorkflowOperation, WorkflowFailedError, WorkflowNotFoundError, type Client } from '@temporalio/client'
import { ApplicationFailure, TerminatedFailure } from '@temporalio/common'
import type { EndpointView } from '../../contracts/endpoint.js'
import {
  ENDPOINT_QUERY,
  type Adoption,
  type BeginOperation,
  type Caller,
  type EndpointUpdates,
  type OperationAnswer,
  type Run,
} from '../../contracts/messages.js'
import { CONTROL_QUEUE } from '../../contracts/task-queues.js'
import { workflowIds } from '../../contracts/workflow-ids.js'
import type { Cluster } from '../../ports/cluster.js'
import { openNodes } from './nodes.js'
import { queryOf } from './query.js'
import { answerOf, refusalOf, unlessNotFound } from './refusal.js'

/** The control worker's arm into Temporal, over the worker's own connection. */
export function createCluster(client: Client): Cluster {
  async function ask(endpoint: string, update: keyof EndpointUpdates, { requestId, ...run }: Caller, more?: object): Promise<void> {
    const handle = client.workflow.getHandle(workflowIds.endpoint(endpoint))
    const args: [object] = [{ workflowId: run.workflowId, runId: run.runId, ...more }]
    await answerOf(`endpoint ${endpoint}`, handle.executeUpdate<void, [object]>(update, { args, updateId: requestId }))
  }

  const viewOf = (endpoint: string) => queryOf<EndpointView>(client, workflowIds.endpoint(endpoint), ENDPOINT_QUERY)

  async function isOpen(endpoint: string): Promise<boolean> {
    try {
      return (await client.workflow.getHandle(workflowIds.endpoint(endpoint)).describe()).status.name === 'RUNNING'
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false
      throw error
    }
  }

  /** A child, and a run that goes on from another, is started by the server: whoever started its parent, or the run before, is meant. */
  async function actorOf({ workflowId, runId }: Run): Promise<string> {
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId, runId },
      maximumPageSize: 1,
    })
    const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes
    const parent = started?.parentWorkflowExecution
    if (parent?.workflowId && parent.runId) return actorOf({ workflowId: parent.workflowId, runId: parent.runId })
    if (started?.continuedExecutionRunId) return actorOf({ workflowId, runId: started.continuedExecutionRunId })
    return started?.identity || 'unknown'
  }

  return {
    actorOf,

    beginOperation: (endpoint, request, { workflowId, runId, requestId }) =>
      client.workflow
        .executeUpdateWithStart<never, OperationAnswer, [BeginOperation]>('beginOperation', {
          args: [{ ...request, workflowId, runId }],
          updateId: requestId,
          startWorkflowOperation: new WithStartWorkflowOperation('superviseEndpoint', {
            workflowId: workflowIds.endpoint(endpoint),
            taskQueue: CONTROL_QUEUE,
            args: [{ endpoint }],
            workflowIdConflictPolicy: 'USE_EXISTING',
            staticSummary: `keeps endpoint ${endpoint} in service`,
          }) as WithStartWorkflowOperation<never>,
        })
        .catch((error: unknown) => {
          throw refusalOf(error)
        }),

    async endpointView(endpoint) {
      // One that has ended, maybe by hand, still answers with what it knew last.
      if (!(await isOpen(endpoint))) return null
      try {
        const view = await viewOf(endpoint)
        return view.replica === null && view.operation === null ? null : view
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null
        throw error
      }
    },

    async replicasOn(nodeId) {
      const names: string[] = []
      const query = `WorkflowType = 'superviseEndpoint' AND ExecutionStatus = 'Running' AND AimNode = '${nodeId}'`
      for await (const { workflowId } of client.workflow.list({ query })) {
        names.push(workflowId.slice(workflowIds.endpoint('').length))
      }
      const looks = await Promise.allSettled(names.map(viewOf))
      const replicas = looks.flatMap((look) => (look.status === 'fulfilled' && look.value.replica !== null ? [look.value.replica] : []))
      const unheard = names.filter((_, index) => looks[index]?.status === 'rejected')
      return { replicas: replicas.filter((replica) => replica.nodeId === nodeId), unheard }
    },

    async endedEndpoints(endpoints) {
      const open = await Promise.all(endpoints.map(isOpen))
      return endpoints.filter((_, index) => !open[index])
    },

    standDown: (endpoint, caller) => ask(endpoint, 'standDown', caller),
    resume: (endpoint, caller) => unlessNotFound(ask(endpoint, 'resume', caller)),
    adoptReplica: (endpoint, adopted: Omit<Adoption, keyof Run>, caller) => ask(endpoint, 'adoptReplica', caller, adopted),
    endOperation: (endpoint, caller) => unlessNotFound(ask(endpoint, 'endOperation', caller)),
    retire: (endpoint, caller) => unlessNotFound(ask(endpoint, 'retire', caller)),

    nodes: () => openNodes(client),

    async cancel({ workflowId, runId }) {
      await unlessGone(client.workflow.getHandle(workflowId, runId).cancel())
    },

    async isClosed({ workflowId, runId }) {
      const handle = client.workflow.getHandle(workflowId, runId)
      return handle.describe().then(
        ({ status }) => status.name !== 'RUNNING',
        (error: unknown) => {
          if (error instanceof WorkflowNotFoundError) return true
          throw error
        },
      )
    },

    async closed({ workflowId, runId }, signal) {
      const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false })
      await unlessAborted(handle.result(), signal).catch((error: unknown) => {
        if (signal.aborted || !isEndOfRun(error)) throw error
      })
    },

    async resultOf({ workflowId, runId }, signal) {
      try {
        return await unlessAborted(client.workflow.getHandle(workflowId, runId).result(), signal)
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null
        if (!(error instanceof WorkflowFailedError)) throw error
        if (error.cause instanceof TerminatedFailure) return null
        throw endOf(error)
      }
    },
  }
}

/** A worker's own connection takes no abort signal, and a worker that drains waits for its activities: the wait is left, not ended. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const leave = () => reject(signal.reason as Error)
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
  return Promise.race([work, aborted])
}

/** A run that has ended needs no end. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
  }
}

/** The end of a run that failed, as the end of one that waited for it: the same code, and final. */
function endOf(error: Error): ApplicationFailure {
  if (error instanceof ApplicationFailure)
    return ApplicationFailure.nonRetryable(error.message, error.type ?? 'Internal', ...(error.details ?? []))
  if (error.cause instanceof Error) return endOf(error.cause)
  return ApplicationFailure.nonRetryable(`the run that was waited for: ${error.message}`, 'Cancelled', {
    what: 'the run that was waited for',
  })
}

/** A run that failed, was cancelled, was continued as new or is not known any more is closed as well as one that succeeded. */
function isEndOfRun(error: unknown): boolean {
  const names = ['WorkflowFailedError', 'WorkflowContinuedAsNewError', 'WorkflowNotFoundError']
  return error instanceof Error && names.includes(error.name)
}
