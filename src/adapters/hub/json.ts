import type { IncomingMessage } from 'node:http'

/** No listing of a model comes near this; a hub must not fill our memory. */
const MOST_BYTES = 64 << 20

/**
 * Reads a JSON body. @throws SyntaxError when it is not JSON or too long; the connection's own error when it breaks or
 * brings nothing for `idleMs`.
 */
export async function readJson(message: IncomingMessage, idleMs: number): Promise<unknown> {
  const idle = setTimeout(() => message.destroy(new Error(`no byte for ${idleMs / 1000} s`)), idleMs)
  try {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of message as AsyncIterable<Buffer>) {
      idle.refresh()
      bytes += chunk.length
      if (bytes > MOST_BYTES) throw new SyntaxError(`an answer of more than ${MOST_BYTES} bytes`)
      chunks.push(chunk)
    }
    return parse(Buffer.concat(chunks).toString('utf8'))
  } finally {
    clearTimeout(idle)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new SyntaxError('the answer is not JSON') // the parser's own message would quote a stranger's bytes
  }
}
