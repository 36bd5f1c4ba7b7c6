import { randomBytes } from 'node:crypto'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createRangeReader } from '../../../src/adapters/hub/range-reader.js'
import type { HttpLimits } from '../../../src/adapters/hub/http.js'
import { bodyOf, headOf, send, startRawServer, type RawRequest, type RawServer } from '../../support/raw-server.js'
import { waitFor } from '../../support/wait-for.js'

const SIZE = 300_000
const content = randomBytes(SIZE)
const ABOUT = { hub: 'the hub', model: 'acme/tiny', ref: 'main' }
const WHOLE = { start: 0, end: SIZE - 1 }

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const server of opened.splice(0)) await server.close()
})

async function serve(answer: (request: RawRequest) => void | Promise<void>): Promise<RawServer> {
  const server = await startRawServer(answer)
  opened.push(server)
  return server
}

function reader({ url }: { url: string }, limits: Partial<HttpLimits> = {}, headers: Record<string, string> = {}) {
  const read = createRangeReader({ connectMs: 5_000, answerMs: 5_000, ...limits })
  return (range = WHOLE, signal?: AbortSignal) => read({ url: `${url}/x?y=1`, headers, size: SIZE, etag: '' }, range, ABOUT, signal)
}

async function collect(body: Promise<AsyncIterable<Buffer>>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of await body) chunks.push(Buffer.from(chunk)) // its memory is used again
  return Buffer.concat(chunks)
}

const isRight = async (body: Promise<AsyncIterable<Buffer>>, { start, end } = WHOLE): Promise<boolean> =>
  (await collect(body)).equals(content.subarray(start, end + 1))
const answerOf = (request: RawRequest, more: string[] = []): Buffer =>
  Buffer.concat([Buffer.from(headOf(request, SIZE, more)), bodyOf(request, content)])

describe('the head of an answer', () => {
  it('may come in any pieces, and with the body in one', async () => {
    const cuts = [1, 2, 3, 7, 20, 50, 90]
    const server = await serve(async (request) => {
      const bytes = answerOf(request)
      const step = cuts[request.request] ?? bytes.length
      for (let at = 0; at < 120; at += step) await send(request.socket, bytes.subarray(at, Math.min(120, at + step))).then(() => sleep(0))
      await send(request.socket, bytes.subarray(120))
    })
    const read = reader(server)
    for (const _ of [...cuts, null]) expect(await isRight(read())).toBe(true)
    expect(server.connections()).toBe(1)
  })

  it('may follow one that only says that it will come', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n'
    const server = await serve((request) => void request.socket.write(Buffer.concat([Buffer.from(early), answerOf(request)])))
    expect(await isRight(reader(server)())).toBe(true)
  })

  it.each([
    ['SSH-2.0-OpenSSH_9.2\r\n\r\n', 'HubProtocol', 'no HTTP/1.1'],
    ['HTTP/1.1 200 OK\r\nfolded\r\n\r\n', 'HubProtocol', 'a header that is none'],
    ['HTTP/1.1 206 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n', 'HubProtocol', 'two lengths'],
    [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(80_000)}`, 'HubProtocol', 'too long a head'],
    ['HTTP/1.1 200 OK\r\nx: y', 'HubUnreachable', 'ended in its head'],
    ['', 'HubUnreachable', 'ECONNRESET'],
  ])('%j is %s', async (text, code, reason) => {
    const server = await serve(({ socket }) => void socket.end(text))
    await expect(reader(server)()).rejects.toMatchObject({ code, message: expect.stringContaining(reason) })
  })
})

describe('a connection', () => {
  const ranges = [WHOLE, { start: 10, end: 10 }, { start: 200_000, end: SIZE - 1 }]

  it('is used again after a body that was exact', async () => {
    const server = await serve((request) => void request.socket.write(answerOf(request)))
    const read = reader(server)
    for (const range of ranges) expect(await isRight(read(range), range)).toBe(true)
    expect(server.connections()).toBe(1)
    expect(server.requests[0]?.head).toBe(`GET /x?y=1 HTTP/1.1\r\nhost: ${new URL(server.url).host}\r\nrange: bytes=0-${SIZE - 1}`)
  })

  it.each(['close', 'Close'])('is not, after an answer with `connection: %s`', async (value) => {
    const server = await serve((request) => void request.socket.write(answerOf(request, [`connection: ${value}`])))
    const read = reader(server)
    for (const range of ranges) expect(await isRight(read(range), range)).toBe(true)
    expect(server.connections()).toBe(3)
    await waitFor('their end', () => server.open() === 0)
  })

  it('is closed when its reader stops early, or is told to', async () => {
    const server = await serve((request) => void request.socket.write(answerOf(request)))
    const read = reader(server)
    for await (const _ of await read()) break
    await waitFor('its end', () => server.open() === 0)
    const controller = new AbortController()
    const reason = new Error('enough')
    const body = (await read({ start: 0, end: 99 }, controller.signal))[Symbol.asyncIterator]()
    controller.abort(reason)
    await waitFor('its end', () => server.open() === 0)
    await body.return?.()
    expect(await isRight(read())).toBe(true)
    expect(server.connections()).toBe(3)
  })

  it('is closed when more came than was announced, at once or later, and the next answer is not taken from it', async () => {
    const server = await serve(async (request) => {
      if (request.request > 0) return
      if (request.connection === 0) return send(request.socket, Buffer.concat([answerOf(request), Buffer.from('x')]))
      await send(request.socket, answerOf(request))
      if (request.connection === 1) setTimeout(() => request.socket.write('HTTP/1.1 206 OK\r\ncontent-length: 1\r\n\r\nx'), 50)
    })
    const read = reader(server)
    await expect(collect(read())).rejects.toMatchObject({ code: 'HubUnreachable', message: expect.stringContaining('more bytes') })
    expect(await isRight(read())).toBe(true)
    await sleep(200)
    expect(await isRight(read())).toBe(true)
    await waitFor('the end of the others', () => server.open() === 1, 2_000)
    expect(server.connections()).toBe(3)
  })

  it('that the server closed meanwhile is replaced, whether that was seen before the request or after', async () => {
    const server = await serve((request) => {
      if (request.connection === 1 && request.request === 1) return void request.socket.resetAndDestroy()
      request.socket.write(answerOf(request), () => {
        if (request.connection === 0) request.socket.end()
      })
    })
    const read = reader(server)
    expect(await isRight(read())).toBe(true)
    await sleep(100)
    expect(await isRight(read())).toBe(true)
    expect(await isRight(read())).toBe(true)
    expect(server.requests.map(({ connection, request }) => [connection, request])).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 0],
    ])
  })

  it('that is closed at its first request is a failure, and not tried for ever', async () => {
    const server = await serve(({ socket }) => void socket.destroy())
    await expect(reader(server)()).rejects.toMatchObject({ code: 'HubUnreachable', details: { reason: 'ECONNRESET' } })
    expect(server.connections()).toBe(1)
  })

  it('hands over what little came, without waiting for more', async () => {
    const server = await serve((request) => send(request.socket, answerOf(request).subarray(0, 1_000)))
    const body = (await reader(server)())[Symbol.asyncIterator]()
    const first = await Promise.race([body.next(), sleep(5_000)])
    expect(first).toMatchObject({ done: false })
  })
})

describe('waiting', () => {
  /** Takes connections and says nothing: a client of TLS waits for it before there is a connection at all. */
  async function silent(): Promise<string> {
    const sockets = new Set<net.Socket>()
    const server = net.createServer(
      (socket) =>
        void sockets
          .add(socket)
          .values()
          .next()
          .value?.on('error', () => {}),
    ) // cut by the client
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    opened.push({
      async close() {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      },
    })
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('for a connection, or for an answer, has an end', async () => {
    const address = await silent()
    const limits = { connectMs: 100, answerMs: 150 }
    for (const [url, message] of [
      [`https://${address}`, 'no connection within 0.1 s'],
      [`http://${address}`, 'no answer within 0.15 s'],
    ] as const)
      await expect(reader({ url }, limits)()).rejects.toMatchObject({ code: 'HubUnreachable', message: expect.stringContaining(message) })
  })

  it.each(['https', 'http'])('ends at once when it is aborted (%s)', async (protocol) => {
    const url = `${protocol}://${await silent()}`
    const controller = new AbortController()
    const reason = new Error('enough')
    const asked = reader({ url })(WHOLE, controller.signal)
    const began = performance.now()
    setTimeout(() => controller.abort(reason), 50)
    await expect(asked).rejects.toBe(reason)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe('what is sent', () => {
  it('cannot hold a header more than was meant', async () => {
    const server = await serve((request) => void request.socket.write(answerOf(request)))
    for (const value of ['Bearer x\r\nx-evil: 1', 'Bearer x\n', 'Bearer \u0000', 'Bearer \u2603']) {
      const failure: unknown = await reader(server, {}, { authorization: value })().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'HubAuth', message: expect.not.stringContaining('Bearer') })
    }
    expect(server.requests).toEqual([])
  })

  it('holds the name and password of the address, as every client sends them', async () => {
    const server = await serve((request) => void request.socket.write(answerOf(request)))
    await collect(reader({ url: server.url.replace('//', '//user:p%40ss@') })())
    await collect(reader({ url: server.url.replace('//', '//user:p%40ss@') }, {}, { authorization: 'Bearer x' })())
    const sent = server.requests.map(({ headers }) => headers['authorization'])
    expect(sent).toEqual([`Basic ${Buffer.from('user:p@ss').toString('base64')}`, 'Bearer x'])
  })
})
