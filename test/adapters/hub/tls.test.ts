import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeCertificate } from '../../support/certificate.js'
import { startChild } from '../../support/children.js'
import { bodyOf, headOf, startRawServer, type RawServer } from '../../support/raw-server.js'
import { temporaryFolder } from '../../support/sample-model.js'

const CHILD = new URL('../../support/range-child.ts', import.meta.url)
const SIZE = 6_000_001
const content = randomBytes(SIZE)
const digest = createHash('sha256').update(content).digest('hex')

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let certificate: ReturnType<typeof makeCertificate>
let server: RawServer

beforeAll(async () => {
  folder = await temporaryFolder()
  certificate = makeCertificate(folder.path)
  server = await startRawServer(
    (request) => void request.socket.write(Buffer.concat([Buffer.from(headOf(request, SIZE)), bodyOf(request, content)])),
    certificate,
  )
})
afterAll(async () => {
  await server.close()
  await folder.remove()
})

async function readInChild(env: Record<string, string>, wait: number, url = server.url): Promise<unknown> {
  const child = startChild(CHILD, [`${url}/x`, String(SIZE), '0', String(SIZE - 1), String(wait)], env)
  const line = await child.nextLine()
  expect(await child.ended).toBe(0)
  return line
}

it('reads from a server whose certificate is trusted, also into memory that is used slowly: no byte is lost, none comes twice', async () => {
  expect(await readInChild({ NODE_EXTRA_CA_CERTS: certificate.path }, 40)).toEqual({ bytes: SIZE, sha256: digest })
})

it('knows a server by its name as well', async () => {
  const named = server.url.replace('127.0.0.1', 'localhost')
  expect(await readInChild({ NODE_EXTRA_CA_CERTS: certificate.path }, 0, named)).toEqual({ bytes: SIZE, sha256: digest })
})

it('refuses a server that nobody vouches for, and says why', async () => {
  expect(await readInChild({}, 0)).toEqual({ code: 'HubUnreachable', reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
})
