import { setTimeout as delay } from 'node:timers/promises'
import type { EndpointRevision, EndpointView, Operation, Replica } from '../../src/contracts/endpoint.js'
import type { OperationAnswer, Run } from '../../src/contracts/messages.js'
import type { Cluster } from '../../src/ports/cluster.js'
import { beating } from '../beat.js'
import { caller } from '../run.js'

type For = { endpoint: string; holder?: Run }
type Begin = { endpoint: string; kind: Operation['kind']; requestFingerprint: string; revisionFloor: number }

/** Only a workflow that was ended by hand leaves leases: that need not be seen at once. */
const LOOK_MS = 20_000

/** What a flow asks of an endpoint's own workflow. Asked again, each changes nothing. */
export function operationActivities({ cluster }: { cluster: Cluster }) {
  return {
    /** `run` is whose the lock is: of a run that was reset, the one before it. */
    beginOperation: async ({ endpoint, ...request }: Begin): Promise<OperationAnswer & { run: Run }> => {
      const { workflowId, runId } = caller()
      return { ...(await cluster.beginOperation(endpoint, request, caller())), run: { workflowId, runId } }
    },

    currentReplica: async ({ endpoint }: { endpoint: string }): Promise<Replica | null> =>
      (await cluster.endpointView(endpoint))?.replica ?? null,

    /** Null: there is no such endpoint. */
    endpointView: ({ endpoint }: { endpoint: string }): Promise<EndpointView | null> => cluster.endpointView(endpoint),

    replicasOn: ({ nodeId }: { nodeId: string }): ReturnType<Cluster['replicasOn']> => cluster.replicasOn(nodeId),

    /** A child asks for the flow that holds the lock: its `holder`. */
    standDown: ({ endpoint, holder }: For): Promise<void> => cluster.standDown(endpoint, { ...caller(), ...holder }),

    resume: ({ endpoint, holder }: For): Promise<void> => cluster.resume(endpoint, { ...caller(), ...holder }),

    adoptReplica: ({ endpoint, ...adopted }: { endpoint: string; replica: Replica; revision: EndpointRevision }): Promise<void> =>
      cluster.adoptReplica(endpoint, adopted, caller()),

    endOperation: ({ endpoint }: { endpoint: string }): Promise<void> => cluster.endOperation(endpoint, caller()),

    retire: ({ endpoint }: { endpoint: string }): Promise<void> => cluster.retire(endpoint, caller()),

    isClosed: ({ run }: { run: Run }): Promise<boolean> => cluster.isClosed(run),

    cancelRun: ({ run }: { run: Run }): Promise<void> => cluster.cancel(run),
  }
}

/** Waiting for another run takes as long as that run: on a queue of its own, so that it never keeps the work from going on. */
export function waitingActivities({ cluster }: { cluster: Cluster }) {
  return {
    awaitClosed: ({ run }: { run: Run }): Promise<void> => beating(5_000, (signal) => cluster.closed(run, signal)),

    /** Answers with those of the endpoints whose own workflow has ended, as soon as there is one. */
    awaitEndOfAny: ({ endpoints }: { endpoints: string[] }): Promise<string[]> =>
      beating(5_000, async (signal) => {
        for (;;) {
          await delay(LOOK_MS, undefined, { signal })
          const ended = await cluster.endedEndpoints(endpoints)
          if (ended.length > 0) return ended
        }
      }),

    /** Null: it was ended from outside. */
    awaitResult: ({ run }: { run: Run }): Promise<unknown> => beating(5_000, (signal) => cluster.resultOf(run, signal)),
  }
}
