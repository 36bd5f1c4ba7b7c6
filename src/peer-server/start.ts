import { createHash, timingSafeEqual } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { isIPv6, type AddressInfo } from 'node:net'
import { AimError } from '../contracts/errors.js'
import { createBlobs } from './blobs.js'
import { sendBlob } from './send-blob.js'

export type PeerServerOptions = {
  /** Said in every answer, so that a node that asks knows whom it reached. */
  nodeId: string
  /** Folder of `models--org--name` folders, as in HF_HUB_CACHE. It need not exist yet. */
  cache: string
  /** Loopback when absent. */
  host?: string
  /** A free one when 0 or absent. */
  port?: number
  /** When given, every request must bring it as a bearer token. */
  token?: string | undefined
  /** Answers `GET /metrics`, in the text format of Prometheus. */
  metrics?: (() => Promise<string>) | undefined
  /** Bodies that are sent at the same time; who comes after them is asked to come again. */
  mostBodies?: number
  /** Told what went wrong on our side. */
  onFailure?: (reason: string) => void
}

export type PeerServer = { port: number; url: string; close(): Promise<void> }

const MOST_BODIES = 128
const MOST_CONNECTIONS = 512
/** Longest silence of a connection that is being used, in ms. */
const IDLE_MS = 60_000

/**
 * Serves whole blobs of this node's cache to other nodes, by digest: `GET` and `HEAD` of `/blobs/<hex>`, with ranges, and `/metrics` where there are any; nothing else.
 * Read only.
 * @throws AimError `PortTaken` when the port is held.
 */
export async function startPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const { nodeId, cache, host = '127.0.0.1', token, metrics, mostBodies = MOST_BODIES, onFailure = () => {} } = options
  const findBlob = createBlobs(cache)
  let bodies = 0

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    response.setHeader('x-aim-node', nodeId)
    if (token !== undefined && !isSame(request.headers.authorization ?? '', `Bearer ${token}`)) {
      response.setHeader('www-authenticate', 'Bearer')
      return refuse(response, 401)
    }
    if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405)
    if (url === '/metrics' && metrics !== undefined) {
      const text = await metrics()
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(method === 'HEAD' ? undefined : text)
      return
    }
    const hex = /^\/blobs\/([0-9a-f]+)$/.exec(url)?.[1]
    const path = hex === undefined ? null : await findBlob(hex)
    if (hex === undefined || path === null) return refuse(response, 404)
    if (bodies >= mostBodies) return refuse(response.setHeader('retry-after', 1), 503)
    bodies += 1
    try {
      await sendBlob(request, response, hex, path)
    } finally {
      bodies -= 1
    }
  }

  const server = http.createServer({ maxHeaderSize: 8 << 10, keepAliveTimeout: 5_000, headersTimeout: 10_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const { code = String(error) } = error as NodeJS.ErrnoException
      if (code === 'ERR_STREAM_PREMATURE_CLOSE') return // the other node went away
      onFailure(code)
      // The bytes cannot be had any more: half an answer must not look whole.
      if (response.headersSent) response.destroy()
      else refuse(response, code === 'ENOENT' ? 404 : 500)
    })
  })
  server.maxConnections = MOST_CONNECTIONS
  server.setTimeout(IDLE_MS)
  await listen(server, host, options.port ?? 0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function refuse(response: ServerResponse, status: number): void {
  for (const name of ['content-range', 'etag']) response.removeHeader(name)
  response.writeHead(status, { 'content-length': 0 }).end()
}

/** Compares without telling by its time how much was right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

async function listen(server: http.Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port }, resolve))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new AimError('PortTaken', { port, host }, { cause: error })
    throw error
  }
}
