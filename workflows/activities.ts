import { proxyActivities } from '@temporalio/workflow'
import type { ControlActivities, ControlWaitActivities } from '../activities/control/index.js'
import type { NodeActivities, NodeWatchActivities } from '../activities/node/index.js'
import { CONTROL_QUEUE, WAIT_QUEUE, nodeQueue, watchQueue } from '../src/contracts/task-queues.js'

const RETRY = { initialInterval: '250 ms', backoffCoefficient: 2, maximumInterval: '15 s' } as const

/** Short calls on the control queue. */
export const control = proxyActivities<ControlActivities>({
  taskQueue: CONTROL_QUEUE,
  startToCloseTimeout: '60 s',
  heartbeatTimeout: '10 s',
  retry: { ...RETRY, maximumAttempts: 8 },
})

/** What a flow would rather do without than wait for. */
export const briefly = proxyActivities<ControlActivities>({ taskQueue: CONTROL_QUEUE, scheduleToCloseTimeout: '5 s', retry: RETRY })

/** Waiting for another run takes as long as that run. */
export const waiting = proxyActivities<ControlWaitActivities>({
  taskQueue: WAIT_QUEUE,
  startToCloseTimeout: '7 d',
  heartbeatTimeout: '20 s',
  retry: RETRY,
})

/** Short calls on a node. A node that does not take one within the time is gone. An undo waits until what it undoes has really ended. */
export function onNode(nodeId: string, patience: '2 min' | '5 s' = '2 min') {
  return proxyActivities<NodeActivities>({
    taskQueue: nodeQueue(nodeId),
    scheduleToStartTimeout: patience,
    startToCloseTimeout: '15 min',
    heartbeatTimeout: '15 s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { ...RETRY, maximumAttempts: 5 },
  })
}

/** One look at a node: it answers at once, or it is left out of the plan. */
export function lookAtNode(nodeId: string) {
  return proxyActivities<NodeActivities>({
    taskQueue: nodeQueue(nodeId),
    scheduleToStartTimeout: '5 s',
    startToCloseTimeout: '15 s',
    retry: { ...RETRY, maximumAttempts: 2 },
  })
}

/** A check of an engine, which may take as long as a hang takes to be found. A node that does not answer is a finding. */
export function checkOnNode(nodeId: string) {
  return proxyActivities<NodeActivities>({
    taskQueue: nodeQueue(nodeId),
    scheduleToStartTimeout: '10 s',
    startToCloseTimeout: '70 min',
    heartbeatTimeout: '10 s',
    retry: { ...RETRY, maximumAttempts: 2 },
  })
}

/** Stops on a node that may well be gone: it is not waited for. */
export function sweepNode(nodeId: string) {
  return proxyActivities<NodeActivities>({
    taskQueue: nodeQueue(nodeId),
    scheduleToStartTimeout: '5 s',
    startToCloseTimeout: '15 min',
    heartbeatTimeout: '15 s',
    retry: { ...RETRY, maximumAttempts: 3 },
  })
}

/** Ends what has no lease on a node that is attended; on its watch queue, where no launch is in the way. */
export function strayOnNode(nodeId: string) {
  return proxyActivities<NodeWatchActivities>({
    taskQueue: watchQueue(nodeId),
    scheduleToStartTimeout: '10 s',
    startToCloseTimeout: '15 min',
    heartbeatTimeout: '10 s',
    retry: { ...RETRY, maximumAttempts: 3 },
  })
}

/**
 * Downloads and starts: as long as they make progress, which they watch themselves. A dead worker is seen by its heartbeat,
 * and is no failure of the work: only failures that the activity itself reports are counted (`toFailure`).
 */
export function longOnNode(nodeId: string) {
  return proxyActivities<NodeActivities>({
    taskQueue: nodeQueue(nodeId),
    startToCloseTimeout: '24 h',
    heartbeatTimeout: '10 s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: RETRY,
  })
}

/**
 * Long work on a cache that another node may do as well, or that nobody need wait for: a node that does not take it up within the time,
 * at first or after its worker died, is left out.
 */
export function cacheOnNode(nodeId: string) {
  return proxyActivities<NodeActivities>({
    taskQueue: nodeQueue(nodeId),
    scheduleToStartTimeout: '20 s',
    startToCloseTimeout: '24 h',
    heartbeatTimeout: '10 s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: RETRY,
  })
}

export function watchOnNode(nodeId: string) {
  return proxyActivities<NodeWatchActivities>({
    taskQueue: watchQueue(nodeId),
    startToCloseTimeout: '24 h',
    // That a node is gone is told by its owner. What a poll of a cut connection took is watched by nobody until this is over.
    heartbeatTimeout: '25 s',
    retry: { initialInterval: '250 ms', backoffCoefficient: 1 },
  })
}

/** The attendance of a node. Its end is the news: it is not tried again by itself. */
export function attendOnNode(nodeId: string) {
  return proxyActivities<NodeWatchActivities>({
    taskQueue: watchQueue(nodeId),
    startToCloseTimeout: '24 h',
    heartbeatTimeout: '3 s',
    retry: { maximumAttempts: 1 },
  })
}
