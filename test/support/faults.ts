import type { EventEmitter } from 'node:events'
import type http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a hub, or a proxy before it, may do wrong. Bytes are counted in the body of the answer. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** Ends the connection after so many bytes of the body. */
  | { kind: 'truncate'; after: number }
  /** Inverts one byte of the body. */
  | { kind: 'flip'; at: number }
  /** Sends so many bytes of the body, then nothing more, with the connection open. */
  | { kind: 'stall'; after: number }
  /** Sends so many bytes of the body, and the rest when `release` is called. */
  | { kind: 'hold'; after: number }
  /** Redirects to the same path at another address. */
  | { kind: 'redirect'; to: string; headers?: Record<string, string> }
  /** Replaces headers of an answer that is else right; null removes one: without a length, the body comes in chunks. */
  | { kind: 'headers'; headers: Record<string, string | null> }
  /** Changes a JSON answer. */
  | { kind: 'json'; change: (body: never) => unknown }
  | { kind: 'slow'; bytesPerSecond: number }
  /** Sends so many bytes more than it announced. */
  | { kind: 'surplus'; bytes: number }
  /** Closes the connection after a right answer, without having said so. */
  | { kind: 'hangup' }
  /** Sends the head byte by byte, after `before` (an early head) and with the lines of `more` in it. */
  | { kind: 'head'; before?: string; more?: string[] }

/** Which requests a fault strikes: all when absent. `times` limits how often; the first `skip` are let pass. */
export type Target = { path?: RegExp; method?: string; times?: number; skip?: number }

/** A request as it came, over which connection, and the bytes of its body that were sent. */
export type Recorded = {
  method: string
  path: string
  headers: http.IncomingHttpHeaders
  /** Counts the connections of the server from 0. */
  connection: number
  /** Of what was answered; 0: nothing yet. */
  status: number
  sentBytes: number
}

export type Exchange = {
  answer: http.IncomingMessage
  response: http.ServerResponse
  recorded: Recorded
  faults: Fault[]
  /** Given what lets a held body go on. */
  onHold: (go: () => void) => void
}

/** Passes an answer on, with the faults that strike it. */
export async function answerWith(exchange: Exchange): Promise<void> {
  const { answer, response, recorded, faults } = exchange
  const headers = { ...answer.headers }
  for (const fault of faults) {
    if (fault.kind === 'headers') for (const [name, value] of Object.entries(fault.headers)) headers[name] = value ?? undefined
    if (fault.kind === 'json') return sendChangedJson(answer, response, headers, fault.change)
    if (fault.kind === 'hangup') response.once('finish', () => response.socket?.end())
  }
  for (const name of Object.keys(headers)) if (headers[name] === undefined) delete headers[name]
  recorded.status = answer.statusCode ?? 500
  const odd = faults.find((fault) => fault.kind === 'head')
  if (odd !== undefined) return sendRaw(exchange, headers, odd)
  response.writeHead(recorded.status, headers)
  response.flushHeaders()
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    for (const piece of cut(chunk, recorded.sentBytes, faults)) {
      await misbehaveAt(exchange)
      if (response.destroyed) return
      await spoil(piece, exchange)
      recorded.sentBytes += piece.length
      if (!response.write(piece)) await either(response, 'drain', 'close')
    }
  }
  await misbehaveAt(exchange)
  for (const fault of faults) if (fault.kind === 'surplus') response.socket?.write('x'.repeat(fault.bytes))
  response.end()
}

/** As `answerWith`, but past the library's own head, and with the end of the connection at the end. */
async function sendRaw(
  { answer, response, recorded }: Exchange,
  headers: http.IncomingHttpHeaders,
  { before = '', more = [] }: { before?: string; more?: string[] },
): Promise<void> {
  const { socket } = response
  if (socket === null) return
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${String(value)}`)
  for (const byte of [before + `HTTP/1.1 ${recorded.status} x`, ...lines, ...more, '\r\n'].join('\r\n')) {
    socket.write(byte)
    if (byte === '\n') await sleep(1)
  }
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    recorded.sentBytes += chunk.length
    if (socket.destroyed) return
    if (!socket.write(chunk)) await either(socket, 'drain', 'close')
  }
  socket.end()
}

async function spoil(piece: Buffer, { recorded, faults, response }: Exchange): Promise<void> {
  for (const fault of faults) {
    if (fault.kind === 'flip' && fault.at === recorded.sentBytes) piece[0] = ~(piece[0] ?? 0) & 0xff
    if (fault.kind === 'slow' && !response.destroyed) await sleep((piece.length / fault.bytesPerSecond) * 1000)
  }
}

/** Cuts a piece of the body where a fault strikes. */
function cut(chunk: Buffer, offset: number, faults: Fault[]): Buffer[] {
  const places = faults.map((fault) => ('after' in fault ? fault.after : 'at' in fault ? fault.at : 0) - offset)
  const ends = [...new Set([...places.filter((place) => place > 0 && place < chunk.length), chunk.length])].toSorted((a, b) => a - b)
  return ends.map((end, index) => Buffer.from(chunk.subarray(ends[index - 1] ?? 0, end)))
}

async function misbehaveAt({ recorded, response, faults, onHold }: Exchange): Promise<void> {
  const fault = faults.find((candidate) => 'after' in candidate && candidate.after === recorded.sentBytes)
  if (fault?.kind === 'truncate') {
    response.socket?.end() // after what was written
    await either(response, 'close')
  }
  if (fault?.kind === 'stall') await either(response, 'close')
  if (fault?.kind === 'hold') await new Promise<void>((resolve) => onHold(resolve))
}

/** Waits for the first of these events. */
async function either(emitter: EventEmitter, ...events: string[]): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const event of events) emitter.off(event, done)
      resolve()
    }
    for (const event of events) emitter.on(event, done)
  })
}

async function sendChangedJson(
  answer: http.IncomingMessage,
  response: http.ServerResponse,
  headers: http.IncomingHttpHeaders,
  change: (body: never) => unknown,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
  const text = JSON.stringify(change(JSON.parse(Buffer.concat(chunks).toString('utf8')) as never))
  response.writeHead(answer.statusCode ?? 500, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text)
}
