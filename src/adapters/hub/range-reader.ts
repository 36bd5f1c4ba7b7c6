import type { FileLocation } from '../../ports/hub.js'
import { hasPlainBody, headLength, MOST_HEAD_BYTES, parseHead, type AnswerHead } from './answer-head.js'
import type { Connection } from './connection.js'
import { createConnections } from './connections.js'
import { networkFailure, protocol, refusal, unreachable, type About } from './failures.js'
import { createHttp, type HttpLimits } from './http.js'
import { proxyFor } from './proxy.js'
import { exactly, wrongRange, type ByteRange } from './range.js'

/** Reads a range of a file, from any place that speaks HTTP. A chunk is valid until the next one is asked for. */
export type RangeReader = (location: FileLocation, range: ByteRange, about: About, signal?: AbortSignal) => Promise<AsyncIterable<Buffer>>

/**
 * Ranges over connections of our own where the answer is plain: exactly the bytes, with their length before them. What is not, a redirect, a
 * body in chunks or a proxy on the way, goes through Node's client.
 * @throws AimError of the `hub` group, or the signal's reason; the iterator as well.
 */
export function createRangeReader(limits: HttpLimits): RangeReader {
  const connections = createConnections(limits.connectMs)
  const http = createHttp(limits)

  async function plainly(
    url: URL,
    location: FileLocation,
    range: ByteRange,
    about: About,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Buffer> | null> {
    const { connection, head, rest, release } = await ask(url, { ...location.headers, range: rangeText(range) }, signal)
    const keep = (reusable: boolean): void => {
      release()
      if (reusable && !/\bclose\b/i.test(head.headers['connection'] ?? '') && connection.isClean()) connections.giveBack(url, connection)
      else connection.destroy()
    }
    const { statusCode } = head
    if (statusCode < 200 || (statusCode >= 300 && statusCode < 400) || (statusCode < 300 && !hasPlainBody(head))) {
      keep(false)
      return null
    }
    const wrong = statusCode === 416 || statusCode < 300 ? wrongRange(head, range, location.size) : null
    if (wrong !== null || statusCode >= 300) keep(false)
    if (wrong !== null) throw protocol(about, wrong)
    if (statusCode >= 300) throw refusal({ status: statusCode, message: head, sent: location.headers }, about)
    return bodyOf(connection, rest, range.end - range.start + 1, keep, (cause, reason) =>
      signal?.aborted ? signal.reason : unreachable(about.hub, reason, {}, cause),
    )
  }

  /** Sends the request, once more when the connection had been closed while it was not used. */
  async function ask(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<Asked> {
    for (let fresh = false; ; fresh = true) {
      signal?.throwIfAborted()
      const { connection, used } = await connections.take(url, fresh, signal)
      const abort = (): void => connection.destroy(signal?.reason as Error)
      const release = (): void => signal?.removeEventListener('abort', abort)
      signal?.addEventListener('abort', abort, { once: true })
      const late = Object.assign(new Error(`no answer within ${limits.answerMs / 1000} s`), { code: 'ETIMEDOUT' })
      const timer = setTimeout(() => connection.destroy(late), limits.answerMs)
      try {
        connection.write(requestText(url, { ...headers, ...credentialsOf(url, headers) }))
        const answer = await readHead(connection)
        if (answer !== null) return { connection, release, ...answer }
        if (!used) throw Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })
        release()
      } catch (error) {
        release()
        connection.destroy()
        const { code } = error as NodeJS.ErrnoException
        if (!used || signal?.aborted || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error
      } finally {
        clearTimeout(timer)
      }
    }
  }

  async function ordinarily(
    url: URL,
    location: FileLocation,
    range: ByteRange,
    about: About,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Buffer>> {
    const headers = { ...location.headers, range: rangeText(range) }
    const answer = await http(url, { method: 'GET', headers, signal, follow: limits.near === true ? 'same-origin' : 'all' })
    const { statusCode = 0 } = answer.message
    const wrong = statusCode === 416 || statusCode < 300 ? wrongRange(answer.message, range, location.size) : null
    if (wrong !== null || statusCode >= 300) answer.message.destroy()
    if (wrong !== null) throw protocol(about, wrong)
    if (statusCode >= 300) throw refusal(answer, about)
    return exactly(answer.message, range.end - range.start + 1, (cause, reason) =>
      signal?.aborted ? signal.reason : unreachable(about.hub, reason, {}, cause),
    )
  }

  return async (location, range, about, signal) => {
    const url = new URL(location.url)
    try {
      const plain = limits.near === true || proxyFor(url) === null ? await plainly(url, location, range, about, signal) : null
      return plain ?? (await ordinarily(url, location, range, about, signal))
    } catch (error) {
      throw networkFailure(error, about, signal)
    }
  }
}

type Asked = { connection: Connection; head: AnswerHead; rest: Buffer; release: () => void }

const rangeText = ({ start, end }: ByteRange): string => `bytes=${start}-${end}`

/** @throws TypeError with code ERR_INVALID_CHAR for a value that would end its line. */
function requestText(url: URL, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw Object.assign(new TypeError(`the header ${name}`), { code: 'ERR_INVALID_CHAR' })
    return `${name}: ${value}`
  })
  return [`GET ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`, ...lines, '', ''].join('\r\n')
}

/** The name and password of an address, where nothing else says who asks. */
function credentialsOf({ username, password }: URL, headers: Record<string, string>): Record<string, string> {
  if ((username === '' && password === '') || headers['authorization'] !== undefined) return {}
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` }
}

/** Null: it ended before it said anything. @throws SyntaxError for what is no head. */
async function readHead(connection: Connection): Promise<{ head: AnswerHead; rest: Buffer } | null> {
  connection.expect(1)
  let bytes = await connection.read()
  if (bytes === null) return null
  for (let length = headLength(bytes); ; length = headLength(bytes)) {
    if (length !== null) return { head: parseHead(bytes.subarray(0, length)), rest: bytes.subarray(length) }
    if (bytes.length > MOST_HEAD_BYTES) throw new SyntaxError('the answer has too long a head')
    const start = Buffer.from(bytes) // its memory is used again by the next read
    const more = await connection.read()
    if (more === null) throw new Error('the answer ended in its head')
    bytes = Buffer.concat([start, more])
  }
}

async function* bodyOf(
  connection: Connection,
  first: Buffer,
  length: number,
  keep: (reusable: boolean) => void,
  fail: (cause: unknown, reason: string) => unknown,
): AsyncGenerator<Buffer, void, void> {
  let missing = length
  try {
    for (let chunk: Buffer | null = first; missing > 0 && chunk !== null; chunk = missing > 0 ? await next() : null) {
      if (chunk.length > missing) throw fail(undefined, 'more bytes than announced')
      missing -= chunk.length
      if (chunk.length > 0) yield chunk
    }
    if (missing > 0) throw fail(undefined, `the body ended ${missing} bytes early`)
  } finally {
    keep(missing === 0)
  }

  async function next(): Promise<Buffer | null> {
    connection.expect(missing)
    try {
      return await connection.read()
    } catch (error) {
      throw fail(error, 'the connection broke')
    }
  }
}
