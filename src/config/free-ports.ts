import { createServer, type AddressInfo, type Server } from 'node:net'

/**
 * Below the range that systems take for their own connections (from 32768 on Linux): a port of that range is free at one moment and the near
 * end of somebody's connection at the next.
 */
const [LOWEST, HIGHEST] = [15_000, 29_999]
const MOST_TRIES = 200

/** Ports that nothing listens on now. They are all held until the last is known, so no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  try {
    for (let tries = 0; servers.length < count; tries += 1) {
      if (tries === MOST_TRIES) throw new Error(`no ${count} free ports from ${LOWEST} to ${HIGHEST}`)
      const server = await listenOn(LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1)))
      if (server !== null) servers.push(server)
    }
    return servers.map((server) => (server.address() as AddressInfo).port)
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

/** Null: the port cannot be had. */
function listenOn(port: number): Promise<Server | null> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(null))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server))
  })
}

/** Whether the port can be listened on now, on loopback. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = await listenOn(port)
  server?.close()
  return server !== null
}
