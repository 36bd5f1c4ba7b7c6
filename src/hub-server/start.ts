import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv6, type AddressInfo } from 'node:net'
import { realpath } from 'node:fs/promises'
import Fastify from 'fastify'
import { AimError } from '../contracts/errors.js'
import { addApiRoutes } from './api-routes.js'
import { createDigests } from './digests.js'
import { addFileRoute } from './file-route.js'
import type { OnRefused } from './files.js'
import { createRepositories } from './repositories.js'

export type HubServerOptions = {
  /** Folder with `<org>/<name>/` folders, or a Hugging Face cache (`models--<org>--<name>`), or both. */
  dir: string
  /** Loopback when absent. */
  host?: string
  /** A free one when 0 or absent. */
  port?: number
  /** When given, every request must bring it as a bearer token. */
  token?: string
  /** Told once about each file that is left out: links out of `dir`, names that cannot be served. */
  onRefused?: OnRefused
}

export type HubServer = { url: string; close(): Promise<void> }

/**
 * Serves a folder in the protocol of the Hugging Face hub, for our client and for Python's with HF_ENDPOINT. Read only.
 * @throws AimError `NotFound` when the folder is not there, `PortTaken` when the port is held.
 */
export async function startHubServer(options: HubServerOptions): Promise<HubServer> {
  const host = options.host ?? '127.0.0.1'
  const root = await realpath(options.dir).catch((error: unknown) => {
    throw new AimError('NotFound', { what: `the folder ${options.dir}` }, { cause: error })
  })
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 2048 } })
  const digests = createDigests()
  const repositories = createRepositories(root, digests, oncePerPath(options.onRefused))

  const { token } = options
  if (token !== undefined) {
    app.addHook('onRequest', async (request, reply) => {
      if (isSame(request.headers.authorization ?? '', `Bearer ${token}`)) return
      const message = 'Invalid username or password.'
      await reply.code(401).headers({ 'www-authenticate': 'Bearer', 'x-error-message': message }).send({ error: message })
    })
  }
  addApiRoutes(app, repositories, digests)
  addFileRoute(app, repositories, digests)

  try {
    await app.listen({ host, port: options.port ?? 0 })
  } catch (error) {
    await app.close()
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new AimError('PortTaken', { port: options.port ?? 0, host }, { cause: error })
    throw error
  }
  const { port } = app.server.address() as AddressInfo
  return { url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}`, close: () => app.close() }
}

function oncePerPath(onRefused: OnRefused = () => {}): OnRefused {
  const told = new Set<string>()
  return (path, reason) => {
    if (told.has(path)) return
    told.add(path)
    onRefused(path, reason)
  }
}

/** Compares without telling by its time how much was right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
