/**
 * A process of its own that reads one range, so that it can have another environment: certificates, proxies. Prints what it got, or the error.
 * Run as: node --import typescript-loader.mjs range-child.ts <url> <size> <start> <end> <ms to wait after each chunk>
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRangeReader } from '../../src/adapters/hub/range-reader.js'
import { isAimError } from '../../src/contracts/errors.js'

const [url = '', size = '0', start = '0', end = '0', wait = '0'] = process.argv.slice(2)
const read = createRangeReader({ connectMs: 5_000, answerMs: 5_000 })
const about = { hub: new URL(url).origin, model: 'acme/tiny', ref: 'main' }
try {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of await read(
    { url, headers: {}, size: Number(size), etag: '' },
    { start: Number(start), end: Number(end) },
    about,
  )) {
    if (wait !== '0') await sleep(Number(wait))
    hash.update(chunk)
    bytes += chunk.length
  }
  process.stdout.write(`${JSON.stringify({ bytes, sha256: hash.digest('hex') })}\n`)
} catch (error) {
  if (!isAimError(error)) throw error
  process.stdout.write(`${JSON.stringify({ code: error.code, reason: error.details['reason'] })}\n`)
}
