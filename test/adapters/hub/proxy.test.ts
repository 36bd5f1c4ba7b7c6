import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { makeCertificate } from '../../support/certificate.js'
import { startChild } from '../../support/children.js'
import { startForwardProxy, type ForwardProxy } from '../../support/forward-proxy.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { bodyOf, headOf, startRawServer } from '../../support/raw-server.js'
import { temporaryFolder, writeSampleModel } from '../../support/sample-model.js'

const REPO = 'acme/tiny'
const SIZE = 2_000_000
const VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']

let served: Awaited<ReturnType<typeof temporaryFolder>>
let hub: MisbehavingHub
let proxy: ForwardProxy
let content: Buffer

beforeEach(async () => {
  for (const name of VARIABLES) vi.stubEnv(name, '')
  served = await temporaryFolder()
  content = (await writeSampleModel(served.path, REPO, SIZE)).get('model.safetensors') ?? Buffer.alloc(0)
  hub = await startMisbehavingHub(served.path)
  proxy = await startForwardProxy('user:secret')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await proxy.close()
  await hub.close()
  await served.remove()
})

/** Pins, locates and reads the weights. */
async function readAll(): Promise<Buffer> {
  const client = createHub({ endpoint: hub.url, token: async () => 'hf_secret' })
  const model = await client.pin(REPO, 'main')
  const file = model.files.find(({ path }) => path === 'model.safetensors')
  if (file === undefined) throw new Error('no weights')
  const chunks: Buffer[] = []
  for await (const chunk of await client.read(await client.locate(model, file), { start: 0, end: SIZE - 1 }))
    chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
const withPassword = () => proxy.url.replace('//', '//user:secret@')

it.each(['HTTP_PROXY', 'http_proxy'])('asks the proxy that %s names, by whole addresses, and for all requests', async (name) => {
  vi.stubEnv(name, withPassword())
  expect((await readAll()).equals(content)).toBe(true)
  expect(proxy.asked.map((line) => line.split(' ')[0])).toEqual(['GET', 'HEAD', 'GET'])
  expect(proxy.asked.every((line) => line.includes(` ${hub.url}/`))).toBe(true)
  expect(hub.requests).toHaveLength(3)
  for (const { headers } of hub.requests) expect(headers).toMatchObject({ authorization: 'Bearer hf_secret' })
  for (const { headers } of hub.requests) expect(headers).not.toHaveProperty('proxy-authorization')
})

it('asks nobody else for what NO_PROXY names', async () => {
  vi.stubEnv('HTTP_PROXY', withPassword())
  for (const value of ['127.0.0.1', '*', 'other.example,127.0.0.1']) {
    vi.stubEnv('NO_PROXY', value)
    expect((await readAll()).equals(content)).toBe(true)
  }
  expect(proxy.asked).toEqual([])
})

it('says so when the proxy refuses, or is not there', async () => {
  vi.stubEnv('HTTP_PROXY', proxy.url)
  await expect(readAll()).rejects.toMatchObject({ code: 'HubProtocol', message: expect.stringContaining('407') })
  await proxy.close()
  await expect(readAll()).rejects.toMatchObject({ code: 'HubUnreachable', message: expect.stringContaining('ECONNREFUSED') })
  proxy = await startForwardProxy()
})

it('goes through a tunnel of the proxy for https, which sees neither path nor token', async () => {
  const certificate = makeCertificate(served.path)
  const secure = await startRawServer(
    (request) => void request.socket.write(Buffer.concat([Buffer.from(headOf(request, SIZE)), bodyOf(request, content)])),
    certificate,
  )
  const child = startChild(
    new URL('../../support/range-child.ts', import.meta.url),
    [`${secure.url}/x`, String(SIZE), '0', String(SIZE - 1)],
    {
      NODE_EXTRA_CA_CERTS: certificate.path,
      HTTPS_PROXY: withPassword(),
    },
  )
  expect(await child.nextLine()).toEqual({ bytes: SIZE, sha256: createHash('sha256').update(content).digest('hex') })
  expect(await child.ended).toBe(0)
  expect(proxy.asked).toEqual([`CONNECT ${new URL(secure.url).host}`])
  await secure.close()
})
