import { ApplicationFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { controlWaitActivities } from '../../../activities/control/index.js'
import type { Cluster } from '../../../src/ports/cluster.js'

test('a wait that a fault breaks off is begun anew, however often that was', async () => {
  const closed = () => Promise.reject(new Error('no connection'))
  const { awaitClosed } = controlWaitActivities({ cluster: { closed } as Partial<Cluster> as Cluster })
  const tries = new MockActivityEnvironment({ attempt: 1_000 })
  const failure = await tries.run(awaitClosed, { run: { workflowId: 'w', runId: 'r' } }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ApplicationFailure)
  expect(failure).toMatchObject({ type: 'Internal', nonRetryable: false })
})
