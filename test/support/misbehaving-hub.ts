import type { EventEmitter } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { startHubServer } from '../../src/hub-server/start.js'

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
  /** Replaces headers of an answer that is else right; null removes one. */
  | { kind: 'headers'; headers: Record<string, string | null> }
  /** Changes a JSON answer. */
  | { kind: 'json'; change: (body: never) => unknown }
  | { kind: 'slow'; bytesPerSecond: number }

/** Which requests a fault strikes: all when absent. `times` limits how often. */
export type Target = { path?: RegExp; method?: string; times?: number }

/** A request as it came, and the bytes of its body that were sent. */
export type Recorded = { method: string; path: string; headers: http.IncomingHttpHeaders; sentBytes: number }

export type MisbehavingHub = {
  url: string
  requests: Recorded[]
  /** Bytes of file bodies sent for paths that match. */
  sentBytes(path: RegExp): number
  misbehave(fault: Fault, target?: Target): void
  /** Forgets all faults, and lets held bodies go on. */
  behave(): void
  close(): Promise<void>
}

/** A real hub server over `dir`, behind a real HTTP server that breaks the protocol on demand. */
export async function startMisbehavingHub(dir: string, options: { token?: string } = {}): Promise<MisbehavingHub> {
  const upstream = await startHubServer({ dir, ...options })
  const requests: Recorded[] = []
  let planned: { fault: Fault; target: Target; left: number }[] = []
  const release: (() => void)[] = []

  function faultsFor(method: string, path: string): Fault[] {
    const hits = planned.filter(({ target, left }) => left > 0 && (target.path?.test(path) ?? true) && (target.method ?? method) === method)
    for (const hit of hits) hit.left--
    return hits.map(({ fault }) => fault)
  }

  const server = http.createServer((request, response) => {
    const { method = 'GET', url = '/' } = request
    const recorded: Recorded = { method, path: url, headers: request.headers, sentBytes: 0 }
    requests.push(recorded)
    const faults = faultsFor(method, url)
    for (const fault of faults) {
      if (fault.kind === 'status')
        return void response.writeHead(fault.status, fault.headers).end(method === 'HEAD' ? undefined : '{"error":"refused"}')
      if (fault.kind === 'redirect')
        return void response.writeHead(302, { location: fault.to + url, 'content-length': 0, ...fault.headers }).end()
    }
    const forward = http.request(
      upstream.url + url,
      { method, headers: { ...request.headers, host: new URL(upstream.url).host } },
      (answer) => {
        void answerWith(answer, response, recorded, faults, (go) => release.push(go)).catch(() => response.destroy()) // the client went away
      },
    )
    response.once('close', () => forward.destroy())
    forward.once('error', () => response.destroy())
    forward.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const behave = (): void => {
    planned = []
    for (const go of release.splice(0)) go()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sentBytes: (path) =>
      requests.filter((request) => request.method === 'GET' && path.test(request.path)).reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    misbehave: (fault, target = {}) => void planned.push({ fault, target, left: target.times ?? Infinity }),
    behave,
    async close() {
      behave()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await upstream.close()
    },
  }
}

async function answerWith(
  answer: http.IncomingMessage,
  response: http.ServerResponse,
  recorded: Recorded,
  faults: Fault[],
  onHold: (go: () => void) => void,
): Promise<void> {
  const headers = { ...answer.headers }
  for (const fault of faults) {
    if (fault.kind === 'headers') for (const [name, value] of Object.entries(fault.headers)) headers[name] = value ?? undefined
    if (fault.kind === 'json') return sendChangedJson(answer, response, headers, fault.change)
  }
  for (const name of Object.keys(headers)) if (headers[name] === undefined) delete headers[name]
  response.writeHead(answer.statusCode ?? 500, headers)
  response.flushHeaders()
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    for (const piece of cut(chunk, recorded.sentBytes, faults)) {
      await misbehaveAt(recorded.sentBytes, response, faults, onHold)
      if (response.destroyed) return
      for (const fault of faults) {
        if (fault.kind === 'flip' && fault.at === recorded.sentBytes) piece[0] = ~(piece[0] ?? 0) & 0xff
        if (fault.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, (piece.length / fault.bytesPerSecond) * 1000))
      }
      recorded.sentBytes += piece.length
      if (!response.write(piece)) await either(response, 'drain', 'close')
    }
  }
  await misbehaveAt(recorded.sentBytes, response, faults, onHold)
  response.end()
}

/** Cuts a piece of the body where a fault strikes. */
function cut(chunk: Buffer, offset: number, faults: Fault[]): Buffer[] {
  const places = faults.map((fault) => ('after' in fault ? fault.after : 'at' in fault ? fault.at : 0) - offset)
  const ends = [...new Set([...places.filter((place) => place > 0 && place < chunk.length), chunk.length])].toSorted((a, b) => a - b)
  return ends.map((end, index) => Buffer.from(chunk.subarray(ends[index - 1] ?? 0, end)))
}

async function misbehaveAt(at: number, response: http.ServerResponse, faults: Fault[], onHold: (go: () => void) => void): Promise<void> {
  const fault = faults.find((candidate) => 'after' in candidate && candidate.after === at)
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
