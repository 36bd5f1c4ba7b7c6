import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { openConnection, SLAB_BYTES, type Connection } from '../../../src/adapters/hub/connection.js'
import { randomOf, type Random } from '../../support/random.js'
import { send, startRawServer, type RawServer } from '../../support/raw-server.js'

let server: RawServer
afterEach(() => server.close())

/** Sends what `contents` holds for the number of the connection, in pieces of random sizes with random delays. */
async function serve(contents: Buffer[], random: Random): Promise<void> {
  server = await startRawServer(async ({ connection, socket }) => {
    const content = contents[connection] ?? Buffer.alloc(0)
    for (let at = 0; at < content.length;) {
      const size = random.pick([1, 100, 5_000, 70_000, 300_000, 2_000_000])
      const piece = content.subarray(at, at + 1 + random.below(size))
      await send(socket, piece)
      if (random.below(4) === 0) await sleep(random.below(5))
      at += piece.length
    }
    socket.end()
  })
}

/** Reads to the end with random delays, and checks that what was handed over stays as it is until the next call. */
async function drain(connection: Connection, bytes: number, random: Random): Promise<Buffer> {
  const chunks: Buffer[] = []
  let missing = bytes
  for (;;) {
    connection.expect(random.pick([1, missing, SLAB_BYTES]) || 1)
    const chunk = await connection.read()
    if (chunk === null) return Buffer.concat(chunks)
    const copy = Buffer.from(chunk)
    if (random.below(2) === 0) await sleep(random.below(8))
    expect(chunk.equals(copy)).toBe(true)
    chunks.push(copy)
    missing -= chunk.length
  }
}

it.each([1, 2, 3])('never mixes what several connections bring, however it comes and is used (seed %i)', async (seed) => {
  const random = randomOf(seed)
  const contents = Array.from({ length: 4 }, () => randomBytes(random.pick([0, 1, SLAB_BYTES, 3 * SLAB_BYTES + 1, 5_000_000])))
  await serve(contents, random)
  // One after the other, so that the server counts them in this order.
  const connections: Connection[] = []
  for (const _ of contents) {
    connections.push(await openConnection(new URL(server.url), 5_000))
    connections.at(-1)?.write('GET / HTTP/1.1\r\n\r\n')
    while (server.requests.length < connections.length) await sleep(1)
  }
  const got = await Promise.all(connections.map((connection, index) => drain(connection, contents[index]?.length ?? 0, random)))
  for (const [index, content] of contents.entries()) expect(got[index]?.equals(content)).toBe(true)
})

it('takes no more than two slabs of what nobody reads, and hands all of it over later', async () => {
  const content = randomBytes(24 << 20)
  let taken = 0
  server = await startRawServer(async ({ socket }) => {
    for (let at = 0; at < content.length; at += 65_536, taken = at) await send(socket, content.subarray(at, at + 65_536))
    socket.end()
  })
  const connection = await openConnection(new URL(server.url), 5_000)
  connection.write('GET / HTTP/1.1\r\n\r\n')
  connection.expect(SLAB_BYTES)
  const first = await connection.read()
  expect(first).toHaveLength(SLAB_BYTES)
  await sleep(300)
  expect(taken).toBeLessThan(content.length) // the rest waits in the system's own buffers, and with the server
  const rest = await drain(connection, content.length - SLAB_BYTES, randomOf(1))
  expect(rest.equals(content.subarray(SLAB_BYTES))).toBe(true)
})
