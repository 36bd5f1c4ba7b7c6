import { proxyActivities } from '@temporalio/workflow'

type Empty = { nothing(): Promise<void> }

/** A flow of empty activities, one after the other: what Temporal itself costs. `queues` names the task queue of each. */
export async function emptyFlow(queues: string[]): Promise<void> {
  for (const taskQueue of queues) await proxyActivities<Empty>({ taskQueue, startToCloseTimeout: '30 s' }).nothing()
}
