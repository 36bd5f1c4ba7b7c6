import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow'
import { ManageNodeInput } from '../src/contracts/manage-node.js'
import { parseInput } from './input.js'
import { NodeOwner, newNode } from './node-owner.js'
import { keepPresence } from './node-presence.js'
import { show } from './visibility.js'

const MOST_MESSAGES = 1_000

/**
 * The owner of one node: whether it answers, who has which of its GPUs, and what is kept from everybody. That it runs is how the cluster
 * knows of the node; a node worker starts it with its first registration.
 */
export async function manageNode(input: unknown): Promise<void> {
  const { nodeId, carried } = parseInput(ManageNodeInput, input)
  const owner = new NodeOwner(nodeId, carried ?? newNode(Date.now()))
  show({ AimNode: nodeId })
  owner.follower.followAll()

  // A new node has nobody to attend it before its first registration.
  await condition(() => owner.state.identity !== null)
  await Promise.race([keepPresence(owner), condition(() => owner.forgotten || isFull(owner))])
  await condition(allHandlersFinished)
  if (!owner.forgotten) await continueAsNew<typeof manageNode>({ nodeId, carried: owner.state })
}

/** A run takes at most 2,000 updates; it goes on as a new one well before. The attendance and what is followed begin again there. */
function isFull({ updates, follower }: NodeOwner): boolean {
  return follower.settling === 0 && (workflowInfo().continueAsNewSuggested || updates > MOST_MESSAGES)
}
