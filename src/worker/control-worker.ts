import { Client } from '@temporalio/client'
import { join } from 'node:path'
import { Worker, type NativeConnection } from '@temporalio/worker'
import { controlActivities } from '../../activities/control/index.js'
import { compiledFile } from '../adapters/compiled.js'
import { createCluster } from '../adapters/temporal/cluster.js'
import type { Settings } from '../config/settings.js'
import { CONTROL_QUEUE } from '../contracts/task-queues.js'
import type { Records } from '../ports/records.js'
import { hubOf } from './local-node.js'
import { recipesOf } from './recipes.js'

/** The worker of all workflows and of what needs no node. The bundle was built with the project. */
export function createControlWorker(connection: NativeConnection, settings: Settings, records: Records): Promise<Worker> {
  const client = new Client({ connection, namespace: settings.temporalNamespace, identity: `aim-control@${settings.nodeId}` })
  return Worker.create({
    connection,
    namespace: settings.temporalNamespace,
    taskQueue: CONTROL_QUEUE,
    identity: `aim-control@${settings.nodeId}:${process.pid}`,
    workflowBundle: { codePath: compiledFile(join('..', 'workflow-bundle.js')) },
    activities: controlActivities({ cluster: createCluster(client), hub: hubOf(settings), records, recipes: recipesOf(settings) }),
    maxHeartbeatThrottleInterval: '1 s',
    stickyQueueScheduleToStartTimeout: '5 s',
    shutdownGraceTime: '5 s',
  })
}
