import { openRecords } from '../adapters/store/open.js'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { temporalOf } from '../config/stack-file.js'
import { AimError } from '../contracts/errors.js'
import { withClosers } from './closers.js'
import { connectWorkers } from './connect.js'
import { createControlWorkers } from './control-worker.js'
import { runWorkers } from './run-workers.js'
import { installRuntime } from './runtime.js'
import type { WorkerHooks } from './hooks.js'
import { prepareCluster } from './temporal.js'

/** `aim worker`: a control worker of its own, until the signal. The in-process database belongs to one process, so it needs a server. */
export async function runControlWorker(settings: Settings, { signal, onStep }: WorkerHooks): Promise<void> {
  if (settings.databaseUrl === undefined) throw new AimError('StoreNeedsUrl')
  const temporal = temporalOf(settings)
  if (temporal === null) throw new AimError('NotRunning', { what: 'Temporal' })
  installRuntime(onStep)
  await prepareCluster(temporal.address, settings.temporalNamespace)
  await withClosers(async (opened) => {
    const records = await openRecords({ databaseUrl: settings.databaseUrl, folder: pathsOf(settings).database, onWarning: onStep })
    opened(() => records.close())
    const connection = await connectWorkers(temporal.address)
    opened(() => connection.close())
    const create = () => createControlWorkers(connection, settings, records)
    await runWorkers(create, signal, async () => onStep(`control worker runs at ${temporal.address}`))
  })
}
