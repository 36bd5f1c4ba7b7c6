import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { pathsOf } from '../config/paths.js'
import { requireSecret } from '../config/secrets.js'
import type { Settings } from '../config/settings.js'
import { splitAddress } from '../config/source-rules.js'
import { AimError, isAimError } from '../contracts/errors.js'
import { startPeerServer } from '../peer-server/start.js'

export type OpenPeers = { url: string; close(): Promise<void> }

type Options = {
  onStep: (line: string) => void
  /** What `GET /metrics` answers there. */
  metrics?: () => Promise<string>
}

/**
 * Serves the weights of this node to others, as the settings say; null: they say not to. `url` is what it announces.
 * @throws AimError `InvalidInput` for an address beyond loopback without a token or one that is not this machine's, `SecretMissing`, `PortTaken`.
 */
export async function openPeers(settings: Settings, { onStep, metrics }: Options): Promise<OpenPeers | null> {
  const address = settings.peerAddress === 'off' ? null : splitAddress(settings.peerAddress)
  if (address === null) return null
  const { host, port } = address
  const token = settings.peerToken === undefined ? undefined : await requireSecret(settings.peerToken)
  if (token === undefined && !isLoopback(host)) {
    throw new AimError('InvalidInput', {
      field: 'AIM_PEER_ADDRESS',
      rule: `${host} is not loopback: AIM_PEER_TOKEN must name a token, the same on every node`,
    })
  }
  const server = await startPeerServer({
    nodeId: settings.nodeId,
    cache: pathsOf(settings).hubCache,
    host,
    port,
    token,
    metrics,
    onFailure: (reason) => onStep(`a file was not served to another node: ${reason}`),
  }).catch((error: unknown) => {
    if (isAimError(error)) throw error
    const rule = `${host} cannot be listened on: ${(error as NodeJS.ErrnoException).code ?? String(error)}`
    throw new AimError('InvalidInput', { field: 'AIM_PEER_ADDRESS', rule }, { cause: error })
  })
  const url = settings.peerUrl ?? (isWildcard(host) ? `http://${hostname()}:${server.port}` : server.url)
  return { url: url.replace(/\/+$/, ''), close: () => server.close() }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::'
