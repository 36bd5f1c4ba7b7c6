import { Client } from '@temporalio/client'
import type { NativeConnection } from '@temporalio/worker'
import type { NodePorts } from '../../activities/node/index.js'
import { createNodeDesk, type OpenDesk } from '../adapters/temporal/node-desk.js'
import type { Settings } from '../config/settings.js'
import { nodeIdentity } from './node-identity.js'

/** The desk of this machine's node, over the worker's own connection. */
export async function nodeDesk(connection: NativeConnection, settings: Settings, { probe, fences }: NodePorts): Promise<OpenDesk> {
  const identity = await nodeIdentity(settings.nodeId)
  const client = new Client({ connection, namespace: settings.temporalNamespace, identity: `aim-node@${settings.nodeId}` })
  const describe = async () => {
    const [{ gpus, labels, simulated = false }, highestFence] = await Promise.all([probe.inspect(), fences.highest()])
    const known = gpus.map(({ index, model, vramTotalBytes, bdf }) => ({ index, model, vramTotalBytes, bdf }))
    return { ...identity, gpus: known, labels, simulated, highestFence, graceSeconds: settings.nodeGraceSeconds }
  }
  return createNodeDesk(client, describe, async () => (await probe.inspect()).gpus)
}
