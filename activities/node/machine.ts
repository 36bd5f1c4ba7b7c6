import { cancellationDetails } from '@temporalio/activity'
import type { ModelFile, PinnedModel, Weights } from '../../src/contracts/model.js'
import type { NodeInspection } from '../../src/domain/node.js'
import type { NodeProbe } from '../../src/ports/node-probe.js'
import type { Peer } from '../../src/ports/weight-source.js'
import type { WeightStore } from '../../src/ports/weight-store.js'
import { beating } from '../beat.js'

type Ports = { nodeId: string; probe: NodeProbe; weights: WeightStore }
/** A pinned model without its list of files: what a node needs to name it. */
export type ModelPin = Omit<PinnedModel, 'files'>
/** `peers` may hold the files; `endpoint` is who will serve them, null when they are brought ahead. */
type Wanted = { model: ModelPin; files: ModelFile[]; peers: Peer[]; endpoint: string | null }

/** What a node has: hardware and weights. */
export function machineActivities({ nodeId, probe, weights }: Ports) {
  return {
    inspectNode: async (): Promise<NodeInspection> => ({ ...(await probe.inspect()), nodeId }),

    /** Heartbeats carry the bytes, so that people and the next attempt see how far it is. */
    ensureWeights: ({ model, files, peers, endpoint }: Wanted): Promise<Weights> =>
      beating(1_000, async (signal, note) => {
        try {
          return await weights.ensure({ ...model, files }, files, { signal, onProgress: note, peers, endpoint })
        } catch (error) {
          // Its flow was ended from outside, and undoes nothing.
          if (cancellationDetails()?.notFound) await weights.discardPartial(model)
          throw error
        }
      }),

    discardPartial: ({ model }: { model: ModelPin }): Promise<void> => weights.discardPartial(model),
  }
}
