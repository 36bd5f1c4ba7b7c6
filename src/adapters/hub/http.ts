import http from 'node:http'
import https from 'node:https'
import { createAgents, proxyFor, type AgentFor } from './proxy.js'

export type HttpLimits = {
  /** Longest wait for a connection, in ms. */
  connectMs: number
  /** Longest wait for the head of an answer, and between two pieces of a small body, in ms. */
  answerMs: number
  /** Another node of this cluster: no proxy is to see what is said to it, and it sends nobody elsewhere. */
  near?: boolean
}

export type HttpRequest = {
  method: 'GET' | 'HEAD'
  headers: Record<string, string>
  signal?: AbortSignal | undefined
  /** `same-origin` hands a redirect to another origin back instead of following it. */
  follow: 'all' | 'same-origin'
}

/** An answer whose body has not been read. `url` is where it came from after redirects, `headers` what that place was sent. */
export type HttpAnswer = { status: number; url: URL; sent: Record<string, string>; message: http.IncomingMessage }

export type Http = (url: URL, request: HttpRequest) => Promise<HttpAnswer>

/** A redirect that is not followed: too many, no target, or from https to http. */
export class RedirectError extends Error {}

const MOST_REDIRECTS = 8
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/**
 * HTTP over keep-alive connections, through the proxy that the environment names, with bounded redirects. The `authorization` header goes to the
 * origin it was meant for and is dropped for good at the first redirect to another one.
 */
export function createHttp(limits: HttpLimits): Http {
  const proxyOf = limits.near === true ? () => null : proxyFor
  const agents = createAgents(proxyOf)

  return async (start, request) => {
    let url = start
    let headers = request.headers
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      const message = await exchange(url, { ...request, headers }, agents, proxyOf(url) !== null, limits)
      const status = message.statusCode ?? 0
      const target = REDIRECTS.has(status) ? redirectTarget(url, message) : null
      if (target === null || (request.follow === 'same-origin' && target.origin !== url.origin))
        return { status, url, sent: headers, message }
      message.resume() // the connection is free again once the body is read
      if (target.origin !== url.origin) headers = withoutToken(headers)
      url = target
    }
    throw new RedirectError(`more than ${MOST_REDIRECTS} redirects`)
  }
}

/** Where a redirect leads. */
export function redirectTarget(from: URL, message: http.IncomingMessage): URL {
  const location = message.headers.location
  if (location === undefined || !URL.canParse(location, from.href)) throw new RedirectError('a redirect without a target')
  const target = new URL(location, from)
  if (target.protocol !== 'https:' && (target.protocol !== 'http:' || from.protocol === 'https:')) {
    throw new RedirectError(`a redirect from ${from.protocol}// to ${target.protocol}//`)
  }
  return target
}

function withoutToken(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'))
}

async function exchange(
  url: URL,
  request: HttpRequest,
  agents: AgentFor,
  proxied: boolean,
  limits: HttpLimits,
): Promise<http.IncomingMessage> {
  const agent = agents(url)
  try {
    return await once(url, request, agent, limits)
  } catch (error) {
    // The server may close an idle connection at the moment we use it; a fresh one tells whether it is really gone.
    if (error instanceof StaleConnection) return once(url, request, proxied ? agent : false, limits)
    throw error
  }
}

class StaleConnection extends Error {}

function once(
  url: URL,
  { method, headers, signal }: HttpRequest,
  agent: http.Agent | false,
  limits: HttpLimits,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? https.request : http.request
    const request = send(url, { method, headers, agent, ...(signal && { signal }) })
    const late = (what: string, ms: number) =>
      setTimeout(() => request.destroy(Object.assign(new Error(`${what} within ${ms / 1000} s`), { code: 'ETIMEDOUT' })), ms)
    const answerTimer = late('no answer', limits.answerMs)
    request.once('socket', (socket) => {
      if (!socket.connecting) return
      const connectTimer = late('no connection', limits.connectMs)
      for (const event of ['connect', 'close'] as const) socket.once(event, () => clearTimeout(connectTimer))
    })
    request.once('response', (message) => {
      clearTimeout(answerTimer)
      resolve(message)
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(answerTimer)
      reject(
        request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
          ? new StaleConnection('stale', { cause: error })
          : error,
      )
    })
    request.end()
  })
}
