import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { startHubServer } from '../../src/hub-server/start.js'
import { answerWith, type Fault, type Recorded, type Target } from './faults.js'

/** When a signed address runs out: whichever comes first. */
export type Signature = { requests?: number; bytes?: number }

export type MisbehavingHub = {
  url: string
  requests: Recorded[]
  /** Bytes of file bodies sent for paths that match. */
  sentBytes(path: RegExp): number
  misbehave(fault: Fault, target?: Target): void
  /** From now on large files are redirected to another host, at an address that runs out; each resolve gives a new one. Null: no more. */
  sign(signature: Signature | null): void
  /** Forgets all faults, and lets held bodies go on. */
  behave(): void
  close(): Promise<void>
}

/** A real hub server over `dir`, or at `url`, behind a real HTTP server that breaks the protocol on demand. */
export async function startMisbehavingHub(
  dir: string | { url: string },
  { host = '127.0.0.1', ...options }: { token?: string; host?: string } = {},
): Promise<MisbehavingHub> {
  const upstream = typeof dir === 'string' ? await startHubServer({ dir, ...options }) : { ...dir, close: async () => {} }
  const requests: Recorded[] = []
  const connections = new Map<object, number>()
  const signatures: { left: Required<Signature> }[] = []
  let planned: { fault: Fault; target: Target; skip: number; left: number }[] = []
  let signature: Signature | null = null
  const release: (() => void)[] = []

  function faultsFor(method: string, path: string): Fault[] {
    const matching = planned.filter(({ target }) => (target.path?.test(path) ?? true) && (target.method ?? method) === method)
    const hits = matching.filter((plan) => plan.skip-- <= 0 && plan.left > 0)
    for (const hit of hits) hit.left--
    return hits.map(({ fault }) => fault)
  }

  function record({ method = 'GET', url = '/', headers, socket }: http.IncomingMessage): Recorded {
    const connection = connections.get(socket) ?? connections.size
    connections.set(socket, connection)
    const recorded = { method, path: url, headers, connection, status: 0, sentBytes: 0 }
    requests.push(recorded)
    return recorded
  }

  /** Where the bytes of a signed address are; null: it ran out, or is none of ours. */
  function unsign(path: string): { path: string; left: Required<Signature> } | null {
    const [, index, rest] = /^\/signed\/(\d+)(\/.*)$/.exec(path) ?? []
    const known = signatures[Number(index)]
    if (rest === undefined || known === undefined || known.left.requests <= 0 || known.left.bytes <= 0) return null
    known.left.requests -= 1
    return { path: rest, left: known.left }
  }

  function pass(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    recorded: Recorded,
    path: string,
    left?: Required<Signature>,
  ): void {
    const { method } = recorded
    const faults = faultsFor(method, recorded.path)
    for (const fault of faults) {
      if (fault.kind === 'status') {
        recorded.status = fault.status
        return void response.writeHead(fault.status, fault.headers).end(method === 'HEAD' ? undefined : '{"error":"refused"}')
      }
      if (fault.kind === 'redirect')
        return void response.writeHead(302, { location: fault.to + recorded.path, 'content-length': 0, ...fault.headers }).end()
    }
    const headers = { ...request.headers, host: new URL(upstream.url).host }
    const forward = http.request(upstream.url + path, { method, headers }, (answer) => {
      if (left === undefined && signature !== null && answer.headers['x-linked-etag'] !== undefined) return redirect(answer, response, path)
      answerWith({ answer, response, recorded, faults, onHold: (go) => release.push(go) })
        .catch(() => response.destroy()) // the client went away
        .finally(() => left !== undefined && (left.bytes -= recorded.sentBytes))
    })
    response.once('close', () => forward.destroy())
    forward.once('error', () => response.destroy())
    forward.end()
  }

  function redirect(answer: http.IncomingMessage, response: http.ServerResponse, path: string): void {
    answer.resume()
    signatures.push({ left: { requests: Infinity, bytes: Infinity, ...signature } })
    const { 'content-length': _, ...headers } = answer.headers
    response.writeHead(302, { ...headers, location: `${urlOf(storage)}/signed/${signatures.length - 1}${path}`, 'content-length': 0 }).end()
  }

  const hub = http.createServer((request, response) => pass(request, response, record(request), request.url ?? '/'))
  const storage = http.createServer((request, response) => {
    const recorded = record(request)
    const known = unsign(recorded.path)
    if (known !== null) return pass(request, response, recorded, known.path, known.left)
    recorded.status = 403
    response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error><Code>AccessDenied</Code></Error>')
  })
  for (const server of [hub, storage]) await new Promise<void>((resolve) => server.listen(0, host, resolve))

  const behave = (): void => {
    planned = []
    for (const go of release.splice(0)) go()
  }
  return {
    url: urlOf(hub),
    requests,
    sentBytes: (path) =>
      requests.filter((request) => request.method === 'GET' && path.test(request.path)).reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    misbehave: (fault, target = {}) => void planned.push({ fault, target, skip: target.skip ?? 0, left: target.times ?? Infinity }),
    sign: (next) => void (signature = next),
    behave,
    async close() {
      behave()
      for (const server of [hub, storage]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
      await upstream.close()
    },
  }
}

function urlOf(server: http.Server): string {
  const { address, port } = server.address() as AddressInfo
  return `http://${address}:${port}`
}
