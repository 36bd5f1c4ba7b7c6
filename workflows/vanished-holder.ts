import { log } from '@temporalio/workflow'
import type { Operation } from '../src/contracts/endpoint.js'
import { GRACE_SECONDS } from '../src/domain/engine.js'
import { control, sweepNode } from './activities.js'
import { rootMessage } from './steps.js'

/** Terminate and reset run no undo: what such an operation had started is stopped for it, on every node that answers. */
export async function cleanUpAfter(endpoint: string, { workflowId, runId, fence }: Operation): Promise<void> {
  const nodes = await control.listNodes()
  const sweeps = await Promise.allSettled(
    nodes.map((nodeId) => sweepNode(nodeId).stopEndpoint({ endpoint, graceSeconds: GRACE_SECONDS, fence })),
  )
  for (const [index, sweep] of sweeps.entries()) {
    if (sweep.status === 'rejected')
      log.warn('a node does not answer; its engine ends with the next deploy or undeploy', {
        node: nodes[index],
        error: rootMessage(sweep.reason),
      })
  }
  await control.recordLost({ run: { workflowId, runId } })
}
