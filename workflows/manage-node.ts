import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import { REGISTER_NODE_UPDATE, type NodeIdentity } from '../src/contracts/messages.js'
import { ManageNodeInput } from '../src/contracts/supervise.js'
import { parseInput } from './input.js'
import { show } from './visibility.js'

/** The owner of one node: that it runs is how the cluster knows of the node. A node worker registers with each start. */
export async function manageNode(input: unknown): Promise<void> {
  const { nodeId } = parseInput(ManageNodeInput, input)
  show({ AimNode: nodeId, AimState: 'registered' })
  let registrations = 0
  setHandler(defineUpdate<void, [NodeIdentity]>(REGISTER_NODE_UPDATE), ({ hostname, bootId }) => {
    registrations += 1
    setCurrentDetails(`${hostname}, boot ${bootId}`)
  })

  await condition(() => workflowInfo().continueAsNewSuggested || registrations > 1_000)
  await condition(allHandlersFinished)
  await continueAsNew<typeof manageNode>({ nodeId })
}
