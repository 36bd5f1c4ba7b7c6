import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'

/** A request as it came. `connection` and `request` count from 0; `request` counts within its connection. */
export type RawRequest = {
  connection: number
  request: number
  /** All up to the empty line. */
  head: string
  headers: Record<string, string>
  /** First and last byte that `Range` asks for. */
  range: { start: number; end: number }
  socket: Socket
}

export type RawServer = { url: string; requests: RawRequest[]; connections: () => number; open: () => number; close(): Promise<void> }

/** A server that writes what the test says, for answers that no HTTP library would make. With `secure` it speaks TLS. */
export async function startRawServer(
  answer: (request: RawRequest) => void | Promise<void>,
  secure?: { key: string; cert: string },
): Promise<RawServer> {
  const requests: RawRequest[] = []
  const sockets = new Set<Socket>()
  let connections = 0

  const onConnection = (socket: Socket): void => {
    const connection = connections++
    let request = 0
    let text = ''
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {}) // the client may cut it, that is what is tested
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const asked = read(text.slice(0, end), connection, request++, socket)
        text = text.slice(end + 4)
        requests.push(asked)
        void Promise.resolve(answer(asked)).catch((error: unknown) => socket.destroy(error as Error))
      }
    })
  }
  const server = secure === undefined ? net.createServer(onConnection) : tls.createServer(secure, onConnection)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `${secure === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    open: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function read(head: string, connection: number, request: number, socket: Socket): RawRequest {
  const headers = Object.fromEntries(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const [, start = '0', end = '0'] = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? '') ?? []
  return { connection, request, head, headers, range: { start: Number(start), end: Number(end) }, socket }
}

/** The head of an answer that is right: a range of a file of this size. */
export function headOf({ range }: Pick<RawRequest, 'range'>, size: number, more: string[] = []): string {
  return [
    'HTTP/1.1 206 Partial Content',
    `content-length: ${range.end - range.start + 1}`,
    `content-range: bytes ${range.start}-${range.end}/${size}`,
    ...more,
    '\r\n',
  ].join('\r\n')
}

export const bodyOf = ({ range }: Pick<RawRequest, 'range'>, content: Buffer): Buffer => content.subarray(range.start, range.end + 1)

/** Writes, and waits until the other side took it. */
export function send(socket: Socket, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve) => void socket.write(bytes, () => resolve()))
}
