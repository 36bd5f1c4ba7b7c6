/** Task queues. A node's queues are named after an id that outlives restarts, so that a restarted worker takes up its work again. */
export const CONTROL_QUEUE = 'aim-control'
export const nodeQueue = (nodeId: string): string => `aim-node-${nodeId}`
/** Watches run apart, so that they never starve a launch or an undo. */
export const watchQueue = (nodeId: string): string => `aim-node-${nodeId}-watch`
