import { Worker, type NativeConnection } from '@temporalio/worker'
import { nodeActivities, nodeWatchActivities, type NodePorts } from '../../activities/node/index.js'
import type { NodeDesk } from '../ports/node-desk.js'
import { nodeQueue, watchQueue } from '../contracts/task-queues.js'

/** The two workers of a node: its own queue, and its watches apart from it. Engines are not theirs: they go on without them. */
export async function createNodeWorkers(connection: NativeConnection, ports: NodePorts, desk: NodeDesk): Promise<Worker[]> {
  const common = {
    connection,
    namespace: ports.namespace,
    identity: `aim-node@${ports.nodeId}:${process.pid}`,
    maxHeartbeatThrottleInterval: '1 s',
  } as const
  return Promise.all([
    Worker.create({ ...common, taskQueue: nodeQueue(ports.nodeId), activities: nodeActivities(ports), shutdownGraceTime: '5 s' }),
    Worker.create({
      ...common,
      taskQueue: watchQueue(ports.nodeId),
      activities: nodeWatchActivities({ ...ports, desk }),
      maxConcurrentActivityTaskExecutions: 2_000,
      maxConcurrentActivityTaskPolls: 2,
    }),
  ])
}
