import type { Paths } from '../config/paths.js'
import type { Settings } from '../config/settings.js'
import { readStackFile } from '../config/stack-file.js'
import { AimError } from '../contracts/errors.js'
import type { DeploymentHistory } from '../ports/records.js'

const LIMIT_MS = 10_000

/** Where our API listens: as the running stack says, else where the settings put it. */
function apiUrlOf(settings: Settings, paths: Paths): string {
  return readStackFile(paths.stackFile)?.apiUrl ?? `http://127.0.0.1:${settings.apiPort}`
}

/** Deployments of an endpoint, newest first. Throws NotRunning when the API does not answer. */
export async function fetchHistory(settings: Settings, paths: Paths, endpoint: string, limit: number): Promise<DeploymentHistory[]> {
  const url = new URL('/v1/deployments', apiUrlOf(settings, paths))
  url.searchParams.set('endpoint', endpoint)
  url.searchParams.set('limit', String(limit))
  const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) }).catch((error: unknown) => {
    throw new AimError('NotRunning', { what: `the API at ${url.origin}` }, { cause: error })
  })
  if (!response.ok)
    throw new AimError('Internal', { reason: `the API answered ${response.status}: ${(await response.text()).slice(0, 500)}` })
  return (await response.json()) as DeploymentHistory[]
}
