import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { gitSha1, sha256, temporaryFolder, writeSampleModel } from '../../support/sample-model.js'

const REPO = 'acme/tiny'
const SIZE = 300_000

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let hub: MisbehavingHub
let files: Map<string, Buffer>
const opened: { close(): Promise<void> }[] = []

beforeEach(async () => {
  folder = await temporaryFolder()
  files = await writeSampleModel(folder.path, REPO, SIZE)
  hub = await startMisbehavingHub(folder.path)
})
afterEach(async () => {
  for (const server of [hub, ...opened.splice(0)]) await server.close()
  await folder.remove()
})

const client = (endpoint = hub.url, token: string | null = null) =>
  createHub({ endpoint, token: async () => token, limits: { connectMs: 5000, answerMs: 5000 } })

async function pinned(name = 'model.safetensors') {
  const model = await client().pin(REPO, 'main')
  const file = model.files.find(({ path }) => path === name)
  if (file === undefined) throw new Error(`no ${name}`)
  return { model, file, content: files.get(name) ?? Buffer.alloc(0) }
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(Buffer.from(chunk)) // its memory is used again
  return Buffer.concat(chunks)
}

async function second(): Promise<MisbehavingHub> {
  const other = await startMisbehavingHub(folder.path)
  opened.push(other)
  return other
}

async function answering(answer: (path: string) => { headers?: Record<string, string>; body: unknown }): Promise<string> {
  const server = http.createServer((request, response) => {
    const { headers, body } = answer(request.url ?? '')
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push({ close: () => new Promise((resolve) => void server.close(() => resolve())) })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('pin', () => {
  it('gives the commit and every file with size and digest', async () => {
    const model = await client().pin(REPO, 'main')
    expect(model.commit).toMatch(/^[0-9a-f]{40}$/)
    expect(model).toMatchObject({ repo: REPO, ref: 'main' })
    expect(Object.fromEntries(model.files.map(({ path, size, digest }) => [path, { size, ...digest }]))).toEqual(
      Object.fromEntries(
        [...files].map(([path, content]) => [
          path,
          path.endsWith('.safetensors')
            ? { size: content.length, kind: 'sha256', hex: sha256(content) }
            : { size: content.length, kind: 'git-sha1', hex: gitSha1(content) },
        ]),
      ),
    )
  })

  it('gives the same for the commit itself', async () => {
    const model = await client().pin(REPO, 'main')
    expect(await client().pin(REPO, model.commit)).toEqual({ ...model, ref: model.commit })
  })

  it('takes digests from the tree, page by page, when the revision leaves them out', async () => {
    const complete = await client().pin(REPO, 'main')
    hub.misbehave(
      {
        kind: 'json',
        change: (body: { siblings: object[] }) => ({
          ...body,
          siblings: body.siblings.map((file) => ({ ...file, lfs: undefined, blobId: undefined, size: undefined })),
        }),
      },
      { path: /revision/ },
    )
    expect(await client().pin(REPO, 'main')).toEqual(complete)
    expect(hub.requests.at(-1)?.path).toContain(`/tree/${complete.commit}?recursive=true`)

    const oid = 'a'.repeat(40)
    const paged = await answering((path) => {
      if (path.includes('/revision/')) return { body: { sha: oid, siblings: [{ rfilename: 'a' }, { rfilename: 'b' }] } }
      if (path.includes('cursor=2'))
        return { body: [{ type: 'file', path: 'b', oid, size: 1, lfs: { oid: `sha256:${'b'.repeat(64)}`, size: 7 } }] }
      return {
        headers: { link: `<${path}&cursor=2>; rel="next"` },
        body: [
          { type: 'directory', path: 'd', oid, size: 0 },
          { type: 'file', path: 'a', oid, size: 1 },
        ],
      }
    })
    expect((await client(paged).pin(REPO, 'main')).files).toEqual([
      { path: 'a', size: 1, digest: { kind: 'git-sha1', hex: oid } },
      { path: 'b', size: 7, digest: { kind: 'sha256', hex: 'b'.repeat(64) } },
    ])
  })

  it('keeps the path of an endpoint that a repository manager puts before the API', async () => {
    const base = await answering((path) => ({
      body: { sha: 'a'.repeat(40), siblings: [{ rfilename: path.replaceAll(/[/?]/g, '_'), size: 1, blobId: 'b'.repeat(40) }] },
    }))
    const model = await client(`${base}/artifactory/hf/`).pin(REPO, 'refs/pr/1')
    expect(model.files[0]?.path).toBe('_artifactory_hf_api_models_acme_tiny_revision_refs%2Fpr%2F1_blobs=true')
  })

  it.each([
    ['../../etc/cron.d/x', 'leads out'],
    ['/etc/passwd', 'leads out'],
    ['a\\..\\b', 'leads out'],
    ['a\u0000b', 'control'],
    ['a\nb', 'control'],
    ['a//b', 'leads out'],
    ['x'.repeat(600), 'too long'],
    ['config.json', 'twice'],
    ['config.json/x', 'both a file and a folder'],
  ])('refuses the file name %j from the hub', async (name, why) => {
    hub.misbehave({
      kind: 'json',
      change: (body: { siblings: object[] }) => ({
        ...body,
        siblings: [...body.siblings, { rfilename: name, size: 1, blobId: 'a'.repeat(40) }],
      }),
    })
    await expect(client().pin(REPO, 'main')).rejects.toMatchObject({ code: 'HubProtocol', message: expect.stringContaining(why) })
  })

  it('accepts names that differ in case only', async () => {
    hub.misbehave({
      kind: 'json',
      change: (body: { siblings: object[] }) => ({
        ...body,
        siblings: [...body.siblings, { rfilename: 'CONFIG.json', size: 1, blobId: 'a'.repeat(40) }],
      }),
    })
    expect((await client().pin(REPO, 'main')).files).toHaveLength(files.size + 1)
  })

  it('refuses answers of the wrong shape, and another commit than was asked for', async () => {
    const { commit } = await client().pin(REPO, 'main')
    hub.misbehave({ kind: 'json', change: (body: object) => ({ ...body, sha: 'main' }) }, { times: 1 })
    await expect(client().pin(REPO, 'main')).rejects.toMatchObject({
      code: 'HubProtocol',
      message: expect.stringContaining('sha: must be a commit'),
    })
    hub.misbehave({ kind: 'json', change: (body: object) => ({ ...body, sha: 'f'.repeat(40) }) }, { times: 1 })
    await expect(client().pin(REPO, commit)).rejects.toMatchObject({ code: 'HubProtocol', message: expect.stringContaining(commit) })
    hub.misbehave({ kind: 'truncate', after: 50 }, { times: 1 })
    await expect(client().pin(REPO, 'main')).rejects.toMatchObject({ code: 'HubUnreachable' })
  })

  it('tells a missing model from a missing revision', async () => {
    await expect(client().pin('acme/absent', 'main')).rejects.toMatchObject({
      code: 'ModelNotFound',
      details: { model: 'acme/absent', hub: hub.url },
    })
    await expect(client().pin(REPO, 'v9')).rejects.toMatchObject({ code: 'RevisionNotFound', details: { model: REPO, ref: 'v9' } })
  })

  it.each([
    [401, {}, 'HubAuth', { model: REPO }],
    [
      403,
      { 'x-error-code': 'GatedRepo', 'x-error-message': 'Visit the page\u0007 to ask' },
      'HubAuth',
      { reason: 'it is gated: Visit the page  to ask' },
    ],
    [403, {}, 'HubAuth', { model: REPO }],
    [404, {}, 'ModelNotFound', { model: REPO }],
    [429, { 'retry-after': '17' }, 'HubRateLimited', { seconds: 17 }],
    [429, { ratelimit: '"api";r=0;t=55' }, 'HubRateLimited', { seconds: 55 }],
    [500, {}, 'HubUnreachable', {}],
    [503, { 'retry-after': '3' }, 'HubUnreachable', { seconds: 3 }],
    [418, {}, 'HubProtocol', {}],
  ])('turns status %i %j into %s', async (status, headers, code, details) => {
    const sendable = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replaceAll(/[^\x20-\x7e]/g, '\t')]))
    hub.misbehave({ kind: 'status', status, headers: sendable })
    await expect(client().pin(REPO, 'main')).rejects.toMatchObject({ code, details })
  })

  it('says that the hub cannot be reached when nobody listens, and when it does not answer', async () => {
    const gone = await second()
    await gone.close()
    await expect(client(gone.url).pin(REPO, 'main')).rejects.toMatchObject({
      code: 'HubUnreachable',
      details: { hub: gone.url, reason: 'ECONNREFUSED' },
    })
    const silent = createHub({ endpoint: hub.url, token: async () => null, limits: { answerMs: 200 } })
    hub.misbehave({ kind: 'stall', after: 10 })
    await expect(silent.pin(REPO, 'main')).rejects.toMatchObject({
      code: 'HubUnreachable',
      message: expect.stringContaining('no byte for 0.2 s'),
    })
  })

  it('ends at once, with the caller\u2019s reason, when it is aborted', async () => {
    hub.misbehave({ kind: 'stall', after: 10 })
    const reason = new Error('enough')
    await expect(client().pin(REPO, 'main', AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const asked = client().pin(REPO, 'main', controller.signal)
    setTimeout(() => controller.abort(reason), 50)
    await expect(asked).rejects.toBe(reason)
  })

  it('uses a connection again, and opens another when the server has just closed it', async () => {
    const connections: number[] = []
    const body = JSON.stringify({ sha: 'a'.repeat(40), siblings: [] })
    const sockets: net.Socket[] = []
    const server = net.createServer((socket) => {
      sockets.push(socket)
      const mine = connections.push(0) - 1
      socket.on('error', () => {}) // the reset is what is tested
      socket.on('data', () => {
        connections[mine] = (connections[mine] ?? 0) + 1
        if (mine === 0 && connections[mine] === 3) socket.resetAndDestroy()
        else socket.write(`HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    opened.push({
      close() {
        for (const socket of sockets) socket.destroy()
        return new Promise((resolve) => void server.close(() => resolve()))
      },
    })
    const one = client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    for (let asked = 0; asked < 3; asked++) await one.pin(REPO, 'main')
    expect(connections).toEqual([3, 1])
  })
})

describe('token', () => {
  it('goes to the hub, and is in no error', async () => {
    hub.misbehave({ kind: 'status', status: 401 }, { path: /absent/ })
    const shown = async (failing: Promise<unknown>): Promise<string> =>
      inspect(await failing.catch((error: unknown) => error), { depth: 9 })
    const refused = await shown(client(hub.url, 'hf_secret').pin('acme/absent', 'main'))
    expect(hub.requests[0]?.headers.authorization).toBe('Bearer hf_secret')
    expect(refused).toContain('HubAuth')
    expect(refused).not.toContain('hf_secret')
    const broken = await shown(client(hub.url, 'hf_secret\nx').pin(REPO, 'main'))
    expect(broken).toContain('HubAuth')
    expect(broken).not.toContain('hf_secret')
  })

  it('follows a redirect on the same host', async () => {
    const { model, file } = await pinned()
    hub.misbehave({ kind: 'redirect', to: '' }, { times: 2 })
    await client(hub.url, 'hf_secret').locate(model, file)
    expect(hub.requests.slice(-3).map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer hf_secret'))
  })

  it('never goes to another host or port', async () => {
    const other = await second()
    const { model, file, content } = await pinned()
    hub.misbehave({ kind: 'redirect', to: other.url })
    const one = client(hub.url, 'hf_secret')
    expect((await one.pin(REPO, 'main')).commit).toBe(model.commit)
    const location = await one.locate(model, file)
    expect(location).toMatchObject({ url: expect.stringContaining(other.url), size: SIZE, etag: file.digest.hex })
    expect((await collect(await one.read(location, { start: 0, end: SIZE - 1 }))).equals(content)).toBe(true)
    const direct = {
      url: `${hub.url}/${REPO}/resolve/${model.commit}/${file.path}`,
      headers: { authorization: 'Bearer hf_secret' },
      size: SIZE,
      etag: '',
    }
    await collect(await one.read(direct, { start: 0, end: 9 }))
    expect(other.requests.length).toBeGreaterThanOrEqual(4)
    for (const { headers } of other.requests) expect(headers.authorization).toBeUndefined()
  })
})

describe('locate', () => {
  it('does not ask the other host when the hub says size and etag itself', async () => {
    const other = await second()
    const { model, file } = await pinned()
    hub.misbehave({
      kind: 'redirect',
      to: `${other.url}/signed`,
      headers: { 'x-linked-size': String(SIZE), 'x-linked-etag': `"${file.digest.hex}"`, 'x-repo-commit': model.commit },
    })
    const location = await client(hub.url, 'hf_secret').locate(model, file)
    expect(location).toMatchObject({ url: expect.stringMatching(`^${other.url}/signed/`), size: SIZE, etag: file.digest.hex })
    expect(location.headers).not.toHaveProperty('authorization')
    expect(other.requests).toEqual([])
  })

  it('refuses another size or commit than was listed, and a file that has gone', async () => {
    const { model, file } = await pinned()
    await expect(client().locate(model, { ...file, size: SIZE + 1 })).rejects.toMatchObject({ code: 'HubProtocol' })
    await expect(client().locate(model, { ...file, path: 'gone.bin' })).rejects.toMatchObject({ code: 'HubProtocol' })
    hub.misbehave({ kind: 'headers', headers: { 'x-repo-commit': 'c'.repeat(40) } })
    await expect(client().locate(model, file)).rejects.toMatchObject({
      code: 'HubProtocol',
      message: expect.stringContaining('c'.repeat(40)),
    })
  })

  it('gives up after a bounded number of redirects', async () => {
    const { model, file } = await pinned()
    hub.misbehave({ kind: 'redirect', to: '' })
    await expect(client().locate(model, file)).rejects.toMatchObject({ code: 'HubProtocol', message: expect.stringContaining('redirects') })
    expect(hub.requests.length).toBeLessThan(15)
  })
})

describe('read', () => {
  it('gives exactly the bytes of the range', async () => {
    const { model, file, content } = await pinned()
    const location = await client().locate(model, file)
    for (const [start, end] of [
      [0, 0],
      [0, SIZE - 1],
      [1000, 200_000],
      [SIZE - 1, SIZE - 1],
    ] as const) {
      expect((await collect(await client().read(location, { start, end }))).equals(content.subarray(start, end + 1))).toBe(true)
    }
  })

  it.each([
    [{ 'content-range': `bytes 11-20/${SIZE}` }],
    [{ 'content-range': `bytes 10-20/${SIZE + 1}` }],
    [{ 'content-range': null }],
    [{ 'content-length': '5' }],
    [{ 'content-encoding': 'gzip' }],
  ])('refuses an answer with %j', async (headers) => {
    const { model, file } = await pinned()
    const location = await client().locate(model, file)
    hub.misbehave({ kind: 'headers', headers })
    await expect(client().read(location, { start: 10, end: 20 })).rejects.toMatchObject({ code: 'HubProtocol' })
  })

  it('refuses the whole file where a range was asked for, and takes it where the range is the whole', async () => {
    const { model, file, content } = await pinned()
    const location = await client().locate(model, file)
    const body = http.createServer((_request, response) => void response.writeHead(200, { 'content-length': SIZE }).end(content))
    await new Promise<void>((resolve) => body.listen(0, '127.0.0.1', resolve))
    opened.push({ close: () => new Promise((resolve) => (body.closeAllConnections(), void body.close(() => resolve()))) })
    const rangeless = { ...location, url: `http://127.0.0.1:${(body.address() as AddressInfo).port}/x` }
    await expect(client().read(rangeless, { start: 10, end: SIZE - 1 })).rejects.toMatchObject({ code: 'HubProtocol' })
    expect((await collect(await client().read(rangeless, { start: 0, end: SIZE - 1 }))).equals(content)).toBe(true)
  })

  it('fails when the body ends early, with or without an announced length', async () => {
    const { model, file } = await pinned()
    const location = await client().locate(model, file)
    hub.misbehave({ kind: 'truncate', after: 1000 }, { times: 1 })
    await expect(
      client()
        .read(location, { start: 0, end: SIZE - 1 })
        .then(collect),
    ).rejects.toMatchObject({ code: 'HubUnreachable' })
    const short = http.createServer(
      (_request, response) => void response.writeHead(206, { 'content-range': `bytes 0-99/${SIZE}` }).end(Buffer.alloc(50)),
    )
    await new Promise<void>((resolve) => short.listen(0, '127.0.0.1', resolve))
    opened.push({ close: () => new Promise((resolve) => (short.closeAllConnections(), void short.close(() => resolve()))) })
    const chunked = { ...location, url: `http://127.0.0.1:${(short.address() as AddressInfo).port}/x` }
    await expect(client().read(chunked, { start: 0, end: 99 }).then(collect)).rejects.toMatchObject({
      code: 'HubUnreachable',
      message: expect.stringContaining('50 bytes early'),
    })
  })
})

describe('readText', () => {
  it('gives a small file whole, and refuses one that is not what its digest says', async () => {
    const { model, file, content } = await pinned('config.json')
    expect(await client().readText(model, file)).toBe(content.toString('utf8'))
    const hex = file.digest.hex.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
    await expect(client().readText(model, { ...file, digest: { ...file.digest, hex } })).rejects.toMatchObject({
      code: 'DigestMismatch',
      details: { file: 'config.json', actual: file.digest.hex },
    })
  })

  it('does not take a file of weights for text', async () => {
    const { model, file } = await pinned()
    await expect(client().readText(model, { ...file, size: 2 ** 30 })).rejects.toMatchObject({ code: 'HubProtocol' })
  })
})
