import { createServer } from 'node:net'
import { AimError } from '../../../contracts/errors.js'

/** Both ends included. */
export type PortRange = { first: number; last: number }

/** Reads `8100-8199`. @throws AimError `InvalidInput`. */
export function parsePortRange(text: string): PortRange {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? []
  const range = { first: Number(first), last: Number(last) }
  if (!(range.first >= 1024 && range.first <= range.last && range.last <= 65_535)) {
    throw new AimError('InvalidInput', { field: 'enginePorts', rule: 'must be a range between 1024 and 65535: 8100-8199' })
  }
  return range
}

/**
 * The fixed port, or the first of the range that nobody listens on and no engine of ours will (`held`: it may not have begun to).
 * @throws AimError `PortTaken`.
 */
export async function choosePort(host: string, wanted: number | undefined, range: PortRange, held: ReadonlySet<number>): Promise<number> {
  const { first, last } = wanted === undefined ? range : { first: wanted, last: wanted }
  for (let port = first; port <= last; port++) {
    if (!held.has(port) && (await isFree(host, port))) return port
  }
  throw new AimError('PortTaken', { port: wanted ?? `${first}-${last}`, host })
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
