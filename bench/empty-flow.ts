import { executeChild, proxyActivities } from '@temporalio/workflow'

type Empty = { nothing(): Promise<void> }

/**
 * A flow of empty activities, one after the other: what Temporal itself costs. `queues` names the task queue of each; `childQueues` those of a
 * child, if there is one.
 */
export async function emptyFlow(queues: string[], childQueues: string[] = []): Promise<void> {
  if (childQueues.length > 0) await executeChild(emptyFlow, { args: [childQueues] })
  for (const taskQueue of queues) await proxyActivities<Empty>({ taskQueue, startToCloseTimeout: '30 s' }).nothing()
}
