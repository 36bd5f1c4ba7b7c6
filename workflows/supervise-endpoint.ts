import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow'
import { SuperviseInput } from '../src/contracts/supervise.js'
import { newSupervision } from './endpoint-lock.js'
import { EndpointSupervisor } from './endpoint-supervisor.js'
import { parseInput } from './input.js'
import { show } from './visibility.js'

const MOST_MESSAGES = 1_000

/**
 * The owner of one endpoint, from its first deploy to its undeploy, and nobody's child: it outlives every flow.
 * It grants the one-operation lock, watches the engine that it adopted, starts it again when it dies or hangs, and brings it back in
 * another place or revision where that does not help.
 */
export async function superviseEndpoint(input: unknown): Promise<void> {
  const { endpoint, carried } = parseInput(SuperviseInput, input)
  const supervisor = new EndpointSupervisor(endpoint, carried ?? newSupervision(Date.now()), carried === undefined)
  show({ AimEndpoint: endpoint })

  // It is started together with its first message, which may arrive just after it.
  await condition(() => supervisor.isNeeded(), '30 s')
  do {
    while (supervisor.isNeeded() && !isFull(supervisor)) await supervisor.tend(() => isFull(supervisor))
    // The run that took the endpoint out of service ends just after it; a new deploy may come first.
    await condition(() => supervisor.isSettled() && allHandlersFinished())
  } while (supervisor.isNeeded() && !isFull(supervisor))

  if (supervisor.isNeeded()) await continueAsNew<typeof superviseEndpoint>({ endpoint, carried: supervisor.state })
}

/** A run takes at most 2,000 updates: well before, it goes on as a new one as soon as no operation, start or repair is under way. */
function isFull(supervisor: EndpointSupervisor): boolean {
  return supervisor.isSteady() && (workflowInfo().continueAsNewSuggested || supervisor.messages > MOST_MESSAGES)
}
