import { join } from 'node:path'
import { openRecords } from '../adapters/store/open.js'
import { startApi } from '../api/server.js'
import { lockFile } from '../config/lock-file.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { processStartTime, removeStackFile, writeStackFile, type StackFile } from '../config/stack-file.js'
import { startHubServer } from '../hub-server/start.js'
import { withClosers } from './closers.js'
import { connectWorkers } from './connect.js'
import { createControlWorkers } from './control-worker.js'
import { nodePortsOf } from './local-node.js'
import { nodeMetrics } from './metrics.js'
import type { WorkerHooks } from './hooks.js'
import { nodeDesk } from './node-desk.js'
import { nodeLock } from './node-identity.js'
import { openPeers } from './peers.js'
import { createNodeWorkers } from './node-worker.js'
import { runWorkers } from './run-workers.js'
import { installRuntime } from './runtime.js'
import { openTemporal } from './temporal.js'

export type StackHooks = WorkerHooks & {
  /** Everything answers. */
  onReady: (stack: StackFile) => void | Promise<void>
}

const HOST = '127.0.0.1'

/**
 * `aim up`: Temporal, database, API, control worker and node worker in one process, until the signal. What was started ends in
 * reverse; engines are nobody's and go on. Throws what kept it from starting, or what ended it.
 */
export async function runStack(asked: Settings, { signal, onStep, onReady }: StackHooks): Promise<void> {
  const ended = new AbortController()
  const until = AbortSignal.any([signal, ended.signal])
  const paths = pathsOf(asked)
  installRuntime(onStep)

  await withClosers(async (opened) => {
    for (const lock of [
      lockFile(join(paths.home, 'up.lock'), 'AIM Engine'),
      lockFile(nodeLock(asked), `a worker of node ${asked.nodeId}`),
    ]) {
      opened(() => lock.release())
    }

    const settings = { ...asked, hubEndpoint: await openHub(asked, opened) }
    const opening = openRecords({ databaseUrl: settings.databaseUrl, folder: paths.database, onWarning: onStep })
    opened(async () => (await opening).close())
    opening.catch((error: unknown) => ended.abort(error)) // no need to wait for Temporal then
    const temporal = await openTemporal(settings, { signal: until, onStep, onFailed: (error) => ended.abort(error) })
    opened(() => temporal.close())
    const records = await opening
    const api = await startApi({ records, metrics: () => nodeMetrics(settings), host: HOST, port: settings.apiPort })
    opened(() => api.close())

    const peers = await openPeers(settings, { onStep })
    opened(() => peers?.close())
    const connection = await connectWorkers(temporal.address)
    opened(() => connection.close())
    const ports = nodePortsOf(settings, peers?.url, onStep)
    const desk = await nodeDesk(connection, settings, ports)
    opened(() => desk.close())
    const control = () => createControlWorkers(connection, settings, records)
    const self = { pid: process.pid, startTime: processStartTime(process.pid) ?? 0 }
    opened(() => removeStackFile(paths.stackFile, self))
    await runWorkers(control, until, async (run) => {
      await desk.open(async () => run(() => createNodeWorkers(connection, ports, desk)))
      if (until.aborted) return
      const { address, uiUrl } = temporal
      const stack = { ...self, address, namespace: settings.temporalNamespace, uiUrl, apiUrl: api.url, hubUrl: settings.hubEndpoint }
      writeStackFile(paths.stackFile, stack)
      await onReady(stack)
      await desk.untilTaken()
    })
  })
  if (ended.signal.aborted) throw ended.signal.reason
}

/** The hub that models come from: a folder that we serve ourselves, in the same protocol, or the one of the settings. */
async function openHub({ hubDir, hubEndpoint }: Settings, opened: (close: () => Promise<void>) => void): Promise<string> {
  if (hubDir === undefined) return hubEndpoint
  const server = await startHubServer({ dir: hubDir, host: HOST })
  opened(() => server.close())
  return server.url
}
