/** Task queues. A node's queues are named after an id that outlives restarts, so that a restarted worker takes up its work again. */
export const CONTROL_QUEUE = 'aim-control'
/** Waits for other runs, as long as those take: apart, so that they never hold the slots that those runs need to end. */
export const WAIT_QUEUE = 'aim-control-wait'
export const nodeQueue = (nodeId: string): string => `aim-node-${nodeId}`
/** Watches run apart, so that they never starve a launch or an undo. */
export const watchQueue = (nodeId: string): string => `aim-node-${nodeId}-watch`
