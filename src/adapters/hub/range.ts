import type { IncomingMessage } from 'node:http'

export type ByteRange = { start: number; end: number }

/** Why an answer is not exactly the range asked for; null when it is. A whole file may come as 200. */
export function wrongRange(message: Pick<IncomingMessage, 'statusCode' | 'headers'>, range: ByteRange, size: number): string | null {
  const length = range.end - range.start + 1
  const encoding = message.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') return `the body is encoded as ${encoding}`
  const announced = message.headers['content-length']
  if (announced !== undefined && Number(announced) !== length) return `${announced} bytes where ${length} were asked for`
  if (message.statusCode === 200) return length === size ? null : 'the whole file where a range was asked for'
  if (message.statusCode !== 206) return `status ${message.statusCode} where a range was asked for`
  const got = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(message.headers['content-range'] ?? '')
  if (got === null) return 'a range without Content-Range'
  const fits = Number(got[1]) === range.start && Number(got[2]) === range.end && (got[3] === '*' || Number(got[3]) === size)
  return fits ? null : `${got[0]} where bytes ${range.start}-${range.end}/${size} were asked for`
}

/**
 * Passes on exactly `length` bytes of `body`, and fails when there are fewer or more. `fail` words every failure. Who stops early ends the
 * connection; after the last byte it is free for the next request.
 */
export async function* exactly(
  body: IncomingMessage,
  length: number,
  fail: (cause: unknown, reason: string) => unknown,
): AsyncGenerator<Buffer, void, void> {
  let missing = length
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      missing -= chunk.length
      if (missing < 0) break
      yield chunk
    }
  } catch (error) {
    throw fail(error, 'the connection broke')
  } finally {
    if (missing === 0) body.resume()
    else body.destroy()
  }
  if (missing < 0) throw fail(undefined, 'more bytes than announced')
  if (missing > 0) throw fail(undefined, `the body ended ${missing} bytes early`)
}
