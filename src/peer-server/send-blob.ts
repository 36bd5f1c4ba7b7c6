import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { readRange } from '../contracts/range-header.js'

/** Large pieces: a peer is to be as fast as its disk. */
const READ_BYTES = 1 << 20

/** Answers with the bytes of a blob, whole or one range of them. `path` leads to the file without links. */
export async function sendBlob(request: IncomingMessage, response: ServerResponse, hex: string, path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await handle.stat()
    const etag = `"${hex}"`
    response.setHeader('etag', etag).setHeader('accept-ranges', 'bytes').setHeader('content-type', 'application/octet-stream')
    const condition = request.headers['if-range']
    const range = condition === undefined || condition === etag ? readRange(request.headers.range, size) : { kind: 'whole' as const }
    if (range.kind === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': `bytes */${size}`, 'content-length': 0 }).end()
      return
    }
    const [start, end] = range.kind === 'part' ? [range.start, range.end] : [0, size - 1]
    if (range.kind === 'part') response.setHeader('content-range', `bytes ${start}-${end}/${size}`)
    response.strictContentLength = true // a file that got shorter meanwhile ends the connection instead of letting the other side wait
    response.writeHead(range.kind === 'part' ? 206 : 200, { 'content-length': end - start + 1 })
    if (request.method === 'HEAD' || end < start) response.end()
    else await pipeline(handle.createReadStream({ start, end, highWaterMark: READ_BYTES, autoClose: false }), response)
  } finally {
    await handle.close()
  }
}
