import { Client } from '@temporalio/client'
import { join } from 'node:path'
import { Worker, type NativeConnection } from '@temporalio/worker'
import { controlActivities, controlWaitActivities } from '../../activities/control/index.js'
import { compiledFile } from '../adapters/compiled.js'
import { createPlanPolicy } from '../adapters/plan-policy/create-plan-policy.js'
import { createCluster } from '../adapters/temporal/cluster.js'
import { createNodeOwners } from '../adapters/temporal/node-owners.js'
import type { Settings } from '../config/settings.js'
import { CONTROL_QUEUE, WAIT_QUEUE } from '../contracts/task-queues.js'
import type { Records } from '../ports/records.js'
import { hubOf } from './local-hub.js'
import { recipesOf } from './recipes.js'

/** The worker of all workflows and of what needs no node, and the one that only waits. The bundle was built with the project. */
export function createControlWorkers(connection: NativeConnection, settings: Settings, records: Records): Promise<Worker[]> {
  const namespace = settings.temporalNamespace
  const client = new Client({ connection, namespace, identity: `aim-control@${settings.nodeId}` })
  const cluster = createCluster(client)
  const common = {
    connection,
    namespace,
    identity: `aim-control@${settings.nodeId}:${process.pid}`,
    maxHeartbeatThrottleInterval: '1 s',
  } as const
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: CONTROL_QUEUE,
      workflowBundle: { codePath: compiledFile(join('..', 'workflow-bundle.js')) },
      activities: controlActivities({
        cluster,
        owners: createNodeOwners(client),
        hub: hubOf(settings),
        records,
        recipes: recipesOf(settings),
        policy: createPlanPolicy(settings),
      }),
      stickyQueueScheduleToStartTimeout: '5 s',
      shutdownGraceTime: '5 s',
    }),
    Worker.create({
      ...common,
      taskQueue: WAIT_QUEUE,
      activities: controlWaitActivities({ cluster }),
      maxConcurrentActivityTaskExecutions: 2_000,
      maxConcurrentActivityTaskPolls: 2,
    }),
  ])
}
