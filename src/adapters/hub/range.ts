import { Transform, type Readable, type TransformCallback } from 'node:stream'
import type { IncomingMessage } from 'node:http'

export type ByteRange = { start: number; end: number }

/** Why an answer is not exactly the range asked for; null when it is. A whole file may come as 200. */
export function wrongRange(message: IncomingMessage, range: ByteRange, size: number): string | null {
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

/** Passes on exactly `length` bytes of `body`, and fails when there are fewer or more. `fail` words every failure. */
export function exactly(body: Readable, length: number, fail: (cause: unknown, reason: string) => unknown): Readable {
  const exact = new ExactLength(length, fail)
  body.once('error', (error) => exact.destroy(fail(error, 'the connection broke') as Error))
  exact.once('close', () => body.destroy())
  return body.pipe(exact)
}

class ExactLength extends Transform {
  constructor(
    private missing: number,
    private readonly fail: (cause: unknown, reason: string) => unknown,
  ) {
    super({ highWaterMark: 1 << 20 })
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.missing -= chunk.length
    if (this.missing < 0) done(this.fail(undefined, 'more bytes than announced') as Error)
    else done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    if (this.missing > 0) done(this.fail(undefined, `the body ended ${this.missing} bytes early`) as Error)
    else done()
  }
}
