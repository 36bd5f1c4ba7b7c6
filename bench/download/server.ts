import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { freePorts, isPortFree } from '../../src/config/free-ports.js'
import { startHubServer } from '../../src/hub-server/start.js'

/** Bytes per second that the capped server gives to each connection: 67 MB/s. */
const CAP_BYTES = 64 << 20

export type DownloadServer = {
  /** Hubs in the hub's protocol: one whose bytes come as fast as they can, one that caps each connection. */
  fast: string
  capped: string
  /** Address of a file's bytes alone, for clients that know no hub. */
  bytesOf(path: string): string
  close(): Promise<void>
}

/**
 * A hub as the public one is built: it answers what a model holds, and redirects to another server for the bytes of large files. That one is
 * nginx, because a server that takes more of the processor than the clients would be what is measured.
 * @throws Error when nginx is not installed.
 */
export async function startDownloadServer(dir: string, folder: string): Promise<DownloadServer> {
  const [fast = 0, capped = 0] = await freePorts(2)
  const nginx = await startNginx(dir, folder, fast, capped)
  const hub = await startHubServer({ dir })
  const fronts = await Promise.all([fast, capped].map((port) => startFront(hub.url, `http://127.0.0.1:${port}`)))
  return {
    fast: fronts[0]?.url ?? '',
    capped: fronts[1]?.url ?? '',
    bytesOf: (path) => `http://127.0.0.1:${fast}/${path}`,
    async close() {
      for (const front of fronts) await front.close()
      await hub.close()
      await nginx()
    },
  }
}

async function startNginx(dir: string, folder: string, fast: number, capped: number): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'nginx.conf')
  const server = (port: number, extra: string) =>
    `server { listen 127.0.0.1:${port}; root ${dir}; ${extra} location / { default_type application/octet-stream; } }`
  writeFileSync(
    config,
    `daemon off; pid ${folder}/pid; user root; worker_processes 1; error_log ${folder}/error.log;
events { worker_connections 256; }
http { access_log off; sendfile on; keepalive_requests 100000;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c; uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  ${server(fast, '')}
  ${server(capped, `limit_rate ${CAP_BYTES};`)}
}
`,
  )
  const child = spawn('nginx', ['-c', config, '-e', join(folder, 'error.log')], { stdio: 'ignore' })
  await Promise.race([
    once(child, 'spawn'),
    once(child, 'error').then(() => {
      throw new Error('this benchmark needs nginx, a server of bytes that takes little of the processor: apt-get install nginx-light')
    }),
  ])
  while (await isPortFree(capped)) {
    if (child.exitCode !== null) throw new Error(`nginx ended: see ${folder}/error.log`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
}

/** Passes everything on to `hub`, but redirects to `bytes` for what the hub calls a large file. */
async function startFront(hub: string, bytes: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    const path = request.url ?? '/'
    const file = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(path)
    // Asked by HEAD, the hub tells the size and the digest; the redirect carries them.
    const method = file === null ? request.method : 'HEAD'
    const forward = http.request(hub + path, { method, headers: request.headers }, (answer) => {
      const isLarge = file !== null && answer.headers['x-linked-etag'] !== undefined
      if (isLarge) redirect(answer, response, `${bytes}/${file[1]}/${file[2]}`)
      else if (method === request.method) pass(answer, response)
      else http.get(hub + path, { headers: request.headers }, (body) => pass(body, response))
    })
    forward.on('error', () => response.destroy())
    request.pipe(forward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function redirect(answer: IncomingMessage, response: ServerResponse, location: string): void {
  answer.resume()
  const { 'content-length': _length, ...headers } = answer.headers
  response.writeHead(302, { ...headers, location, 'content-length': 0 }).end()
}

function pass(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, answer.headers)
  answer.pipe(response)
}
