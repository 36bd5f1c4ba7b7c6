import { lockFile } from '../config/lock-file.js'
import type { Settings } from '../config/settings.js'
import { temporalOf } from '../config/stack-file.js'
import { AimError } from '../contracts/errors.js'
import { withClosers } from './closers.js'
import { connectWorkers } from './connect.js'
import { nodePortsOf } from './local-node.js'
import { nodeMetrics } from './metrics.js'
import { openPeers } from './peers.js'
import { nodeDesk } from './node-desk.js'
import { nodeLock } from './node-identity.js'
import { createNodeWorkers } from './node-worker.js'
import { runWorkers } from './run-workers.js'
import { installRuntime } from './runtime.js'
import type { WorkerHooks } from './hooks.js'

/** `aim node`: the node worker of this machine, until the signal. Its engines go on without it, and the next one finds them. */
export async function runNodeWorker(settings: Settings, hooks: WorkerHooks): Promise<void> {
  installRuntime(hooks.onStep)
  await serveNode(settings, hooks)
}

/** The same where Temporal's runtime is installed: a process may serve several nodes, each with a home of its own. */
export async function serveNode(settings: Settings, { signal, onStep }: WorkerHooks): Promise<void> {
  const temporal = temporalOf(settings)
  if (temporal === null) throw new AimError('NotRunning', { what: 'Temporal' })
  const { nodeId } = settings
  await withClosers(async (opened) => {
    const lock = lockFile(nodeLock(settings), `a worker of node ${nodeId}`)
    opened(() => lock.release())
    const peers = await openPeers(settings, { onStep, metrics: () => nodeMetrics(settings) })
    opened(() => peers?.close())
    const connection = await connectWorkers(temporal.address)
    opened(() => connection.close())
    const ports = nodePortsOf(settings, peers?.url, onStep)
    const desk = await nodeDesk(connection, settings, ports)
    opened(() => desk.close())
    onStep(`registering node ${nodeId} at ${temporal.address}: a control worker answers`)
    // Who is not the node takes none of its work.
    await runWorkers(null, signal, async (run) => {
      await desk.open(async () => run(() => createNodeWorkers(connection, ports, desk)))
      onStep(`node ${nodeId} runs at ${temporal.address}`)
      await desk.untilTaken()
    })
  })
}
