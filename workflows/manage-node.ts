import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow'
import { ManageNodeInput } from '../src/contracts/manage-node.js'
import { followBound, hearTheRest } from './bound-leases.js'
import { parseInput } from './input.js'
import { NodeOwner, newNode } from './node-owner.js'
import { keepPresence } from './node-presence.js'
import { endStrays } from './node-strays.js'
import { show } from './visibility.js'

const MOST_MESSAGES = 1_000
/** A node worker registers in the moment in which it starts the workflow. */
const FIRST_WAIT_MS = 60_000

/**
 * The owner of one node: whether it answers, who has which of its GPUs, and what is kept from everybody. That it runs is how the cluster
 * knows of the node; a node worker starts it with its first registration.
 */
export async function manageNode(input: unknown): Promise<void> {
  const { nodeId, carried } = parseInput(ManageNodeInput, input)
  const owner = new NodeOwner(nodeId, carried ?? newNode(Date.now()))
  show({ AimNode: nodeId })
  owner.follower.followAll()
  // The run before may have had news that it could not send.
  if (carried !== undefined) owner.tell()

  // A new node has nobody to attend it before its first registration; one that nobody registers, because its name was mistyped, ends.
  while (owner.state.identity === null && !owner.forgotten) {
    const isIdle = !(await condition(() => owner.state.identity !== null || owner.forgotten, FIRST_WAIT_MS)) && allHandlersFinished()
    if (isIdle) return
  }
  const work = [keepPresence(owner), endStrays(owner), followBound(owner), hearTheRest(owner)]
  if (!owner.forgotten) await Promise.race([...work, condition(() => owner.forgotten || isFull(owner))])
  await condition(() => allHandlersFinished() && owner.errands === 0)
  if (!owner.forgotten) await continueAsNew<typeof manageNode>({ nodeId, carried: owner.state })
}

/** A run takes at most 2,000 updates; it goes on as a new one well before. The attendance and what is followed begin again there. */
function isFull({ updates, follower }: NodeOwner): boolean {
  return follower.settling === 0 && (workflowInfo().continueAsNewSuggested || updates > MOST_MESSAGES)
}
