import { randomBytes } from 'node:crypto'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startPeerServer, type PeerServer, type PeerServerOptions } from '../../src/peer-server/start.js'
import { sha256, temporaryFolder } from '../support/sample-model.js'

const content = randomBytes(300_000)
const hex = sha256(content)
const gitName = 'a'.repeat(40)
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let cache: string
let blobs: string
let server: PeerServer

beforeEach(async () => {
  folder = await temporaryFolder()
  cache = join(folder.path, 'hub')
  blobs = join(cache, 'models--acme--tiny', 'blobs')
  await mkdir(blobs, { recursive: true })
  await writeFile(join(blobs, hex), content)
  server = await startPeerServer({ nodeId: 'node-a', cache })
})
afterEach(async () => {
  await server.close()
  await folder.remove()
})

async function restart(options: Partial<PeerServerOptions>): Promise<void> {
  await server.close()
  server = await startPeerServer({ nodeId: 'node-a', cache, ...options })
}

type Got = { status: number; headers: http.IncomingHttpHeaders; body: Buffer }

/** The path goes as it is: nobody tidies it up on the way. */
function ask(path: string, { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }))
    })
    request.on('error', reject).end()
  })
}

describe('a blob', () => {
  test('is served whole, with its length, its name and whose it is', async () => {
    const { status, headers, body } = await ask(`/blobs/${hex}`)
    expect(status).toBe(200)
    expect(body.equals(content)).toBe(true)
    expect(headers).toMatchObject({ 'content-length': '300000', 'accept-ranges': 'bytes', etag: `"${hex}"`, 'x-aim-node': 'node-a' })
  })

  test.each([
    ['bytes=0-0', 0, 0],
    ['bytes=1000-1999', 1000, 1999],
    ['bytes=299999-', 299_999, 299_999],
    ['bytes=-10', 299_990, 299_999],
    ['bytes=299000-999999', 299_000, 299_999],
  ])('is served in ranges: %s', async (range, start, end) => {
    const { status, headers, body } = await ask(`/blobs/${hex}`, { headers: { range } })
    expect(status).toBe(206)
    expect(headers).toMatchObject({ 'content-range': `bytes ${start}-${end}/300000`, 'content-length': String(end - start + 1) })
    expect(body.equals(content.subarray(start, end + 1))).toBe(true)
  })

  test('has no range beyond its end', async () => {
    const { status, headers, body } = await ask(`/blobs/${hex}`, { headers: { range: 'bytes=300000-300001' } })
    expect([status, headers['content-range'], body.length]).toEqual([416, 'bytes */300000', 0])
  })

  test('is served whole when another one was begun', async () => {
    const { status } = await ask(`/blobs/${hex}`, { headers: { range: 'bytes=0-9', 'if-range': '"another"' } })
    expect(status).toBe(200)
  })

  test('is described without its bytes', async () => {
    const { status, headers, body } = await ask(`/blobs/${hex}`, { method: 'HEAD' })
    expect([status, headers['content-length'], body.length]).toEqual([200, '300000', 0])
  })

  test('may be empty', async () => {
    await writeFile(join(blobs, gitName), '')
    const { status, headers, body } = await ask(`/blobs/${gitName}`)
    expect([status, headers['content-length'], body.length]).toEqual([200, '0', 0])
  })

  test('is found when it came after the start, in a repository that came after the start', async () => {
    const other = join(cache, 'datasets--acme--new', 'blobs')
    expect((await ask(`/blobs/${gitName}`)).status).toBe(404)
    await mkdir(other, { recursive: true })
    await writeFile(join(other, gitName), 'new')
    expect((await ask(`/blobs/${gitName}`)).body.toString()).toBe('new')
  })

  test('is served from the repository that still has it', async () => {
    const other = join(cache, 'models--acme--other', 'blobs')
    await mkdir(other, { recursive: true })
    await writeFile(join(other, hex), content)
    expect((await ask(`/blobs/${hex}`)).status).toBe(200)
    await rm(join(other, hex))
    expect((await ask(`/blobs/${hex}`)).status).toBe(200)
    await rm(join(blobs, hex))
    expect((await ask(`/blobs/${hex}`)).status).toBe(404)
  })

  test('may be a link inside the cache, as the shared blobs of the hub are', async () => {
    await mkdir(join(cache, 'blobs', 'ab'), { recursive: true })
    await writeFile(join(cache, 'blobs', 'ab', 'xet'), 'shared')
    await symlink(join('..', '..', 'blobs', 'ab', 'xet'), join(blobs, gitName))
    expect((await ask(`/blobs/${gitName}`)).body.toString()).toBe('shared')
  })

  test('is served from a cache that is itself a link', async () => {
    await symlink(cache, join(folder.path, 'link'))
    await restart({ cache: join(folder.path, 'link') })
    expect((await ask(`/blobs/${hex}`)).status).toBe(200)
  })
})

describe('nothing else', () => {
  test('a cache that is not there yet holds nothing', async () => {
    await restart({ cache: join(folder.path, 'none') })
    expect((await ask(`/blobs/${hex}`)).status).toBe(404)
  })

  test('a link out of the cache, to nothing, to a folder, and in a circle', async () => {
    await writeFile(join(folder.path, 'secret'), 'secret')
    const names = ['1', '2', '3', '4'].map((digit) => digit.repeat(64))
    const targets = [join(folder.path, 'secret'), join(folder.path, 'nothing'), cache, join(blobs, names[3] ?? '')]
    for (const [index, target] of targets.entries()) await symlink(target, join(blobs, names[index] ?? ''))
    for (const name of names) expect((await ask(`/blobs/${name}`)).status).toBe(404)
  })

  test('a folder, a file that is not whole, and one beside the blobs', async () => {
    await mkdir(join(blobs, 'b'.repeat(64)))
    await writeFile(join(blobs, `${'c'.repeat(64)}.incomplete`), 'half')
    await mkdir(join(cache, 'models--acme--tiny', 'refs'))
    await writeFile(join(cache, 'models--acme--tiny', 'refs', 'd'.repeat(40)), 'a ref')
    for (const path of ['b'.repeat(64), `${'c'.repeat(64)}.incomplete`, 'c'.repeat(64), 'd'.repeat(40)])
      expect((await ask(`/blobs/${path}`)).status).toBe(404)
  })

  test.each([
    '/',
    '/blobs/',
    '/blobs',
    '/blobs/../../secret',
    `/blobs/../blobs/${hex}`,
    `/blobs/%2e%2e%2f${hex}`,
    `/blobs/${hex}/`,
    `/blobs/${hex}%00`,
    `/blobs/${hex}?x=1`,
    `/blobs/${hex.toUpperCase()}`,
    `/blobs/${hex.slice(1)}`,
    `//blobs/${hex}`,
    `http://127.0.0.1/blobs/${hex}`,
    `/models--acme--tiny/blobs/${hex}`,
    '/metrics',
    '*',
  ])('the path %s', async (path) => {
    const { status, body } = await ask(path)
    expect([status, body.length]).toEqual([404, 0])
  })

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('the method %s', async (method) => {
    expect((await ask(`/blobs/${hex}`, { method })).status).toBe(405)
  })

  test('what is no HTTP', async () => {
    const socket = net.connect(server.port, '127.0.0.1')
    const said = await new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString())).on('close', () => resolve(text))
      socket.write('give me /etc/passwd\r\n\r\n')
    })
    expect(said).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('the token', () => {
  beforeEach(() => restart({ token: 'let me in', metrics: async () => 'up 1\n' }))

  test.each([
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer let me out' }],
    ['another scheme', { authorization: 'Basic let me in' }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('is asked for: %s', async (_what, headers) => {
    for (const path of [`/blobs/${hex}`, '/blobs/none', '/metrics']) {
      const { status, body } = await ask(path, { headers })
      expect([status, body.length]).toEqual([401, 0])
    }
  })

  test('opens', async () => {
    const headers = { authorization: 'Bearer let me in' }
    expect((await ask(`/blobs/${hex}`, { headers })).status).toBe(200)
    expect((await ask('/metrics', { headers })).body.toString()).toBe('up 1\n')
  })
})

describe('limits', () => {
  test('who comes when all places are taken is asked to come again', async () => {
    await writeFile(join(blobs, 'e'.repeat(64)), Buffer.alloc(64 << 20))
    await restart({ mostBodies: 1 })
    const slow = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(`${server.url}/blobs/${'e'.repeat(64)}`, { agent: false }, resolve).on('error', reject)
    })
    const refused = await ask(`/blobs/${hex}`)
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
    slow.destroy()
    while ((await ask(`/blobs/${hex}`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  test('a port that is held is said', async () => {
    await expect(startPeerServer({ nodeId: 'node-b', cache, port: server.port })).rejects.toMatchObject({ code: 'PortTaken' })
  })

  test('a failure of metrics is a failure of that answer alone', async () => {
    const told: string[] = []
    await restart({ metrics: () => Promise.reject(new Error('no figures')), onFailure: (reason) => told.push(reason) })
    expect((await ask('/metrics')).status).toBe(500)
    expect(told).toEqual(['Error: no figures'])
    expect((await ask(`/blobs/${hex}`)).status).toBe(200)
  })
})
