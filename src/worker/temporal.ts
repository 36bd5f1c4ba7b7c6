import { Connection } from '@temporalio/client'
import { pathsOf } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { AimError } from '../contracts/errors.js'
import { obtainTemporal } from '../embedded/obtain.js'
import { ensureSearchAttributes } from '../embedded/search-attributes.js'
import { superviseTemporal, type TemporalEvent } from '../embedded/supervise.js'

type Hooks = { signal: AbortSignal; onStep: (line: string) => void; onFailed: (error: AimError) => void }
export type OpenTemporal = { address: string; uiUrl: string | null; close(): Promise<void> }

/** The cluster that the settings name, else a server of our own, which is kept running until `close`. */
export async function openTemporal(settings: Settings, { signal, onStep, onFailed }: Hooks): Promise<OpenTemporal> {
  const { temporalAddress: address, temporalNamespace: namespace } = settings
  if (address !== undefined) {
    await prepareCluster(address, namespace)
    return { address, uiUrl: null, close: async () => {} }
  }
  const { temporalDir: dir, temporalLog: log } = pathsOf(settings)
  const program = await obtainTemporal({ temporalBin: settings.temporalBin, cacheDir: settings.cacheDir, signal, onProgress: onStep })
  const options = { program: program.path, dir, port: settings.temporalPort, uiPort: settings.uiPort, namespace, log }
  const server = await superviseTemporal(options, (event) => {
    onStep(describe(event))
    if (event.kind === 'failed') onFailed(event.error)
  })
  return { address: server.address, uiUrl: server.uiUrl, close: () => server.stop() }
}

/** Makes sure that a cluster which is not ours has what our flows are found by. Throws AimError `TemporalUnreachable`, `SearchAttributesMissing`. */
export async function prepareCluster(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address }).catch((error: unknown) => {
    throw new AimError('TemporalUnreachable', { address }, { cause: error })
  })
  try {
    await ensureSearchAttributes(connection, namespace)
  } finally {
    await connection.close()
  }
}

function describe(event: TemporalEvent): string {
  if (event.kind === 'restarted') return `Temporal runs again after ${event.downMs} ms (pid ${event.pid})`
  return event.kind === 'died' ? `Temporal ended (${event.reason}); starting it again in ${event.retryInMs} ms` : event.error.message
}
