import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { startHubServer } from '../../src/hub-server/start.js'

/** A hub that counts the bytes of all bodies that it sends. */
export type CountingHub = { url: string; sentBytes(): number; close(): Promise<void> }

export async function startCountingHub(dir: string): Promise<CountingHub> {
  const hub = await startHubServer({ dir })
  let sent = 0
  const server = http.createServer((request, response) => {
    const forward = http.request(hub.url + (request.url ?? '/'), { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('data', (chunk: Buffer) => (sent += chunk.length))
      answer.pipe(response)
    })
    forward.on('error', () => response.destroy())
    response.on('close', () => forward.destroy())
    request.pipe(forward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    sentBytes: () => sent,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await hub.close()
    },
  }
}
