/**
 * A control worker of its own with its database in the same process, for benchmarks and tests that end it by force. Settings come from the
 * environment, as for `aim worker`; `TEMPORAL_ADDRESS` must be set. Ends on SIGTERM.
 */
import { openRecords } from '../src/adapters/store/open.js'
import { loadSettings } from '../src/config/load.js'
import { pathsOf } from '../src/config/paths.js'
import { withClosers } from '../src/worker/closers.js'
import { connectWorkers } from '../src/worker/connect.js'
import { createControlWorkers } from '../src/worker/control-worker.js'
import { runWorkers } from '../src/worker/run-workers.js'
import { installRuntime } from '../src/worker/runtime.js'
import { prepareCluster } from '../src/worker/temporal.js'

const { settings } = loadSettings()
const note = (line: string): void => void process.stdout.write(`${line}\n`)
const ended = new AbortController()
process.once('SIGTERM', () => ended.abort())

installRuntime(note)
await withClosers(async (opened) => {
  const address = settings.temporalAddress ?? ''
  await prepareCluster(address, settings.temporalNamespace)
  const records = await openRecords({ databaseUrl: undefined, folder: pathsOf(settings).database, onWarning: note })
  opened(() => records.close())
  const connection = await connectWorkers(address)
  opened(() => connection.close())
  await runWorkers(
    () => createControlWorkers(connection, settings, records),
    ended.signal,
    async () => note(`control worker runs at ${address}`),
  )
})
