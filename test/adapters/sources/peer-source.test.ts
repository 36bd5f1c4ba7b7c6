import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createPeerSources, type PeerOptions } from '../../../src/adapters/sources/peer-source.js'
import { createWeightStore } from '../../../src/adapters/weights/create-weight-store.js'
import { freePorts } from '../../../src/config/free-ports.js'
import type { Peer, WeightSource } from '../../../src/ports/weight-source.js'
import { startPeerServer, type PeerServerOptions } from '../../../src/peer-server/start.js'
import { startForwardProxy } from '../../support/forward-proxy.js'
import { temporaryFolder } from '../../support/sample-model.js'
import { bring, COMMIT, fileOf, MODEL, readAll, REPO, same } from './support.js'

const content = randomBytes(2_000_000)
const file = fileOf(content)
let folder: Awaited<ReturnType<typeof temporaryFolder>>
const opened: (() => Promise<void>)[] = []

beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const close of opened.splice(0)) await close()
  await folder.remove()
})

/** A node that serves these contents. */
async function node(
  nodeId: string,
  contents: Buffer[],
  options: Partial<PeerServerOptions> = {},
): Promise<Peer & { close(): Promise<void> }> {
  const cache = join(folder.path, nodeId)
  const blobs = join(cache, 'models--acme--tiny', 'blobs')
  await mkdir(blobs, { recursive: true })
  for (const bytes of contents) await writeFile(join(blobs, fileOf(bytes).digest.hex), bytes)
  const server = await startPeerServer({ nodeId, cache, ...options })
  opened.push(server.close)
  return { nodeId, url: server.url, close: server.close }
}

/** A peer that answers as it likes. */
async function stranger(answer: http.RequestListener): Promise<Peer & { asked: string[] }> {
  const asked: string[] = []
  const server = http.createServer((request, response) => {
    asked.push(request.method ?? '')
    response.setHeader('x-aim-node', 'stranger')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { nodeId: 'stranger', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const sources = (options: Partial<PeerOptions> = {}) =>
  createPeerSources({ self: 'me', token: async () => null, limits: { connectMs: 1_000, answerMs: 1_000 }, ...options })

describe('peers', () => {
  test('give a file that one of them has, in any range', async () => {
    const source = sources()([await node('a', []), await node('b', [content]), await node('c', [])])
    const location = await source.locate(MODEL, file)
    expect(same(await readAll(source, location!), content)).toBe(true)
    expect(same(await readAll(source, location!, { start: 999, end: 1_500_000 }), content.subarray(999, 1_500_001))).toBe(true)
  })

  test('of whom none has it are no place', async () => {
    expect(await sources()([await node('a', []), await node('b', [])]).locate(MODEL, file)).toBeNull()
    expect(await sources()([]).locate(MODEL, file)).toBeNull()
  })

  test('share the load, in an order of its own for each file and each node that asks', async () => {
    const contents = Array.from({ length: 40 }, () => randomBytes(10))
    const peers = [await node('a', contents), await node('b', contents), await node('c', contents)]
    const chosen = async (self: string): Promise<string[]> => {
      const source = sources({ self })(peers)
      return Promise.all(contents.map(async (bytes) => (await source.locate(MODEL, fileOf(bytes)))?.url.slice(0, 22) ?? ''))
    }
    const first = await chosen('x')
    for (const { url } of peers) expect(first.filter((place) => place === url.slice(0, 22)).length).toBeGreaterThan(4)
    expect(await chosen('x')).toEqual(first)
    expect(await chosen('y')).not.toEqual(first)
  })

  test('that are dead are passed over, and not asked again for a while', async () => {
    const [port] = await freePorts(1)
    const dead: Peer = { nodeId: 'dead', url: `http://127.0.0.1:${port}` }
    const source = sources({ restMs: 60_000 })([dead, await node('b', [content])])
    expect(same(await bring(source, MODEL, file), content)).toBe(true)
    const alive = await stranger((_request, response) => response.writeHead(200, { 'content-length': file.size }).end())
    const resting = sources({ restMs: 60_000 })
    const broken = await stranger((_request, response) => response.destroy())
    expect(await resting([broken]).locate(MODEL, file)).toBeNull()
    const asked = broken.asked.length
    expect(await resting([broken]).locate(MODEL, file)).toBeNull()
    expect(broken.asked.length).toBe(asked)
    expect(await resting([alive]).locate(MODEL, file)).not.toBeNull()
  })

  test('that are busy are waited for instead of another fetch from outside', async () => {
    const busy = await stranger((_request, response) => response.writeHead(503, { 'retry-after': '2' }).end())
    await expect(sources()([busy]).locate(MODEL, file)).rejects.toMatchObject({ code: 'HubUnreachable', details: { seconds: 2 } })
    expect(await sources()([busy, await node('b', [content])]).locate(MODEL, file)).not.toBeNull()
  })

  test('show each other a token', async () => {
    const peer = await node('a', [content], { token: 'ours' })
    expect(await sources()([peer]).locate(MODEL, file)).toBeNull()
    expect(await sources({ token: async () => 'theirs' })([peer]).locate(MODEL, file)).toBeNull()
    expect(same(await bring(sources({ token: async () => 'ours' })([peer]), MODEL, file), content)).toBe(true)
  })

  test('that do not take the token are named once', async () => {
    const peers = [await node('a', [content], { token: 'ours' }), await node('b', [content], { token: 'ours' }), await node('c', [])]
    const warnings: string[] = []
    const make = sources({ token: async () => 'theirs', restMs: 0, onWarning: (text) => void warnings.push(text) })
    for (let time = 0; time < 3; time++) expect(await make(peers).locate(MODEL, file)).toBeNull()
    expect(warnings.toSorted()).toEqual([
      expect.stringMatching(/^the node a at http:\/\/127.0.0.1:\d+ refuses .*AIM_PEER_TOKEN/),
      expect.stringMatching(/^the node b /),
    ])
    expect(warnings.join()).not.toMatch(/ours|theirs/)
  })

  test('are asked and read past the proxy of the site', async () => {
    const proxy = await startForwardProxy()
    opened.push(proxy.close)
    vi.stubEnv('HTTP_PROXY', proxy.url)
    for (const name of ['http_proxy', 'NO_PROXY', 'no_proxy']) vi.stubEnv(name, '')
    expect(same(await bring(sources()([await node('a', [content])]), MODEL, file), content)).toBe(true)
    const chunked = await stranger((request, response) =>
      request.method === 'HEAD' ? response.writeHead(200, { 'content-length': file.size }).end() : response.writeHead(200).end(content),
    )
    const source = sources()([chunked])
    await readAll(source, (await source.locate(MODEL, file))!).catch(() => {}) // goes through Node's client, whatever comes of it
    expect(chunked.asked.length).toBeGreaterThan(1)
    expect(proxy.asked).toEqual([])
  })

  test('have names for people', () => {
    const named = (...ids: string[]) => sources()(ids.map((nodeId) => ({ nodeId, url: 'http://x' }))).name
    expect([named('a'), named('a', 'b'), named('a', 'b', 'c', 'd', 'e')]).toEqual(['peer a', 'peers a, b', 'peers a, b, c and 2 more'])
  })
})

describe('a hostile peer', () => {
  const whole = { 'content-length': String(file.size) }

  test.each<[string, http.RequestListener]>([
    ['says another length', (_request, response) => response.writeHead(200, { 'content-length': file.size - 1 }).end()],
    ['sends elsewhere', (_request, response) => response.writeHead(302, { location: 'http://192.0.2.1/' }).end()],
    ['refuses', (_request, response) => response.writeHead(403).end()],
    ['says nothing', () => {}],
    ['breaks off', (_request, response) => response.destroy()],
    ['speaks no HTTP', (_request, response) => response.socket?.end('hello\r\n\r\n')],
    ['is another node', (_request, response) => response.setHeader('x-aim-node', 'other').writeHead(200, whole).end()],
  ])('that %s is no place', async (_what, answer) => {
    expect(await sources()([await stranger(answer)]).locate(MODEL, file)).toBeNull()
  })

  test('by an address that is none is no place', async () => {
    const urls = ['', 'nonsense', 'file:///etc/passwd', 'http://', 'javascript:1']
    expect(await sources()(urls.map((url) => ({ nodeId: 'x', url }))).locate(MODEL, file)).toBeNull()
  })

  test.each<[string, http.RequestListener, string]>([
    [
      'another range',
      (_request, response) => response.writeHead(206, { 'content-range': `bytes 1-10/${file.size}`, 'content-length': 10 }).end(),
      'HubProtocol',
    ],
    [
      'too few bytes',
      (_request, response) => response.writeHead(200, whole).end(content.subarray(0, 100), () => response.socket?.end()),
      'HubUnreachable',
    ],
    ['too many', (_request, response) => response.writeHead(200, { 'content-length': file.size + 1 }).end(), 'HubProtocol'],
    ['a refusal', (_request, response) => response.writeHead(401).end(), 'HubAuth'],
  ])('that then gives %s fails, and is left alone afterwards', async (_what, body, code) => {
    const peer = await stranger((request, response) =>
      request.method === 'HEAD' ? response.writeHead(200, whole).end() : body(request, response),
    )
    const source = sources()([peer])
    const location = await source.locate(MODEL, file)
    await expect(readAll(source, location!)).rejects.toMatchObject({ code })
    expect(await source.locate(MODEL, file)).toBeNull()
  })

  test.each([302, 307])('that has the file and then sends elsewhere (%i) reaches nobody', async (status) => {
    const other = await stranger((_request, response) => response.writeHead(200, whole).end(content))
    const peer = await stranger((request, response) =>
      request.method === 'HEAD'
        ? response.writeHead(200, whole).end()
        : response.writeHead(status, { location: `${other.url}/`, 'content-length': 0 }).end(),
    )
    const source = sources({ token: async () => 'ours' })([peer])
    const location = await source.locate(MODEL, file)
    await expect(readAll(source, location!)).rejects.toMatchObject({ code: 'HubProtocol' })
    expect(peer.asked).toEqual(['HEAD', 'GET', 'GET'])
    expect(other.asked).toEqual([])
  })

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['a wrong byte', (bytes) => bytes.map((byte, index) => (index === 1000 ? byte ^ 1 : byte)) as Buffer],
    ['other bytes', (bytes) => randomBytes(bytes.length)],
  ])('with %s does not get them published: the hub is asked', async (_what, spoil) => {
    const bad = await node('bad', [])
    await writeFile(join(folder.path, 'bad', 'models--acme--tiny', 'blobs', file.digest.hex), spoil(content))
    const store = createWeightStore({
      sources: (peers) => [sources()(peers), goodHub()],
      hubCache: join(folder.path, 'hub'),
      partials: join(folder.path, 'aim'),
      retry: { baseMs: 10, maxMs: 50 },
    })
    const model = { repo: REPO, ref: 'main', commit: COMMIT, files: [file] }
    const weights = await store.ensure(model, [file], { peers: [bad] })
    expect(weights.sources).toEqual({ peer: file.size, hub: file.size })
    await rm(weights.path, { recursive: true })
  })
})

/** The bytes as they should be. */
function goodHub(): WeightSource {
  return {
    kind: 'hub',
    name: 'hub',
    locate: async () => ({ url: 'http://hub.test', headers: {}, size: file.size, etag: '' }),
    async read(_location, { start, end }) {
      return (async function* () {
        yield content.subarray(start, end + 1)
      })()
    },
  }
}
