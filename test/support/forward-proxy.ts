import http from 'node:http'
import net, { type AddressInfo } from 'node:net'

export type ForwardProxy = {
  url: string
  /** What it was asked for: `CONNECT host:port`, or `GET http://…`. */
  asked: string[]
  authorizations: (string | undefined)[]
  close(): Promise<void>
}

/** A proxy as companies have them: tunnels for https, whole addresses for http. With `password` it serves nobody else. */
export async function startForwardProxy(password?: string): Promise<ForwardProxy> {
  const asked: string[] = []
  const authorizations: (string | undefined)[] = []
  const sockets = new Set<net.Socket>()
  const admits = ({ headers }: http.IncomingMessage): boolean => {
    authorizations.push(headers['proxy-authorization'])
    return password === undefined || headers['proxy-authorization'] === `Basic ${Buffer.from(password).toString('base64')}`
  }

  const server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (!admits(request)) return void response.writeHead(407).end()
    const { 'proxy-authorization': _, 'proxy-connection': _also, ...headers } = request.headers
    const forward = http.request(request.url ?? '', { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    forward.on('error', () => response.destroy()) // told to the client by the cut
    forward.end()
  })
  server.on('connect', (request, client: net.Socket) => {
    asked.push(`CONNECT ${request.url}`)
    if (!admits(request)) return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n')
    const { hostname, port } = new URL(`http://${request.url}`)
    const target = net.connect(Number(port || 80), hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => [client, target].forEach((end) => end.destroy()))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    authorizations,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
