import type { Run } from '../../src/contracts/messages.js'
import type { Cluster } from '../../src/ports/cluster.js'
import type { AttemptRecord, DeploymentRecord } from '../../src/contracts/records.js'
import type { Records } from '../../src/ports/records.js'
import { caller } from '../run.js'

type Admission = Pick<DeploymentRecord, 'kind' | 'endpoint'> & { reason?: string | undefined; request: unknown }
type Ending = Pick<DeploymentRecord, 'state' | 'revision' | 'error' | 'result'> & {
  attempts: Omit<AttemptRecord, 'workflowId' | 'runId'>[]
}

/** The first and the last activity of each flow: who started it, and how it ended, kept beyond Temporal's retention. */
export function admissionActivities({ cluster, records }: { cluster: Cluster; records: Records }) {
  return {
    async admit({ kind, endpoint, reason, request }: Admission): Promise<{ actor: string; revisionFloor: number }> {
      const { requestId: _, ...run } = caller()
      const actor = await cluster.actorOf(run)
      await records.begin({ ...run, kind, endpoint, actor, reason: reason ?? null, request })
      return { actor, revisionFloor: endpoint === null ? 0 : await records.lastRevision(endpoint) }
    },

    /** Closes the record of a run that was ended from outside: terminated or reset, it could not do so itself. */
    recordLost: ({ run }: { run: Run }): Promise<void> =>
      records.finish(run, {
        state: 'failed',
        revision: null,
        result: null,
        error: { code: 'Terminated', message: 'ended from outside before it was done' },
      }),

    async recordEnd({ attempts, ...end }: Ending): Promise<void> {
      const { requestId: _, ...run } = caller()
      for (const attempt of attempts) await records.saveAttempt({ ...run, ...attempt })
      await records.finish(run, end)
    },
  }
}
