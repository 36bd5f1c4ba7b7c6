import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHub } from '../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../src/adapters/sources/hub-source.js'
import { createWeightStore } from '../../src/adapters/weights/create-weight-store.js'
import { startHubServer, type HubServer, type HubServerOptions } from '../../src/hub-server/start.js'
import { findPythonHub } from '../support/python-hub.js'
import { gitSha1, sha256, temporaryFolder, writeSampleModel } from '../support/sample-model.js'

const REPO = 'acme/tiny'
const COMMIT = 'c0ffee'.padEnd(40, '0')
const SIZE = 2_000_000

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let contents: Map<string, Buffer>
let servers: HubServer[]
let url: string

beforeEach(async () => {
  folder = await temporaryFolder()
  contents = await writeSampleModel(folder.path, REPO, SIZE)
  servers = []
  url = await serve()
})
afterEach(async () => {
  for (const server of servers) await server.close()
  await folder.remove()
})

async function serve(options: Partial<HubServerOptions> = {}): Promise<string> {
  const server = await startHubServer({ dir: folder.path, ...options })
  servers.push(server)
  return server.url
}
const hubAt = (endpoint: string, token: string | null = null) => createHub({ endpoint, token: async () => token })
const get = (path: string, init: RequestInit = {}) => fetch(url + path, init)
const weights = () => contents.get('model.safetensors') ?? Buffer.alloc(0)
const file = (ref = 'main', path = 'model.safetensors') => `/${REPO}/resolve/${ref}/${path}`

async function write(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(join(folder.path, path)), { recursive: true })
  await writeFile(join(folder.path, path), content)
}

describe('a plain folder', () => {
  it('has one commit, derived from what it holds', async () => {
    const first = await hubAt(url).pin(REPO, 'main')
    expect((await hubAt(await serve()).pin(REPO, 'main')).commit).toBe(first.commit)
    await write(`${REPO}/config.json`, '{}')
    const changed = await hubAt(await serve()).pin(REPO, 'main')
    expect(changed.commit).not.toBe(first.commit)
    await expect(hubAt(await serve()).pin(REPO, first.commit)).rejects.toMatchObject({ code: 'RevisionNotFound' })
  })

  it('sees a change while it runs', async () => {
    const first = await hubAt(url).pin(REPO, 'main')
    await write(`${REPO}/added.json`, '{}')
    await expect.poll(async () => (await hubAt(url).pin(REPO, 'main')).commit, { timeout: 10_000, interval: 200 }).not.toBe(first.commit)
  })

  it('answers as the commit that .aim-commit names, and refuses a wrong one', async () => {
    await write(`${REPO}/.aim-commit`, `${COMMIT}\n`)
    const model = await hubAt(await serve()).pin(REPO, COMMIT)
    expect(model.commit).toBe(COMMIT)
    expect(model.files.map(({ path }) => path)).not.toContain('.aim-commit')
    await write(`${REPO}/.aim-commit`, 'main')
    expect((await fetch(`${await serve()}/api/models/${REPO}`)).status).toBe(500)
  })

  it('leaves out links that lead out of the folder, and says so once', async () => {
    await write('secret.txt', 'x')
    await symlink('/etc/hostname', join(folder.path, REPO, 'outside.txt'))
    await symlink('/etc', join(folder.path, REPO, 'etc'))
    await symlink('nowhere', join(folder.path, REPO, 'dangling'))
    await symlink('config.json', join(folder.path, REPO, 'inside.json'))
    await writeFile(join(folder.path, REPO, 'a\\b'), 'x')
    const refused: string[] = []
    url = await serve({ onRefused: (path, reason) => void refused.push(`${path.slice(join(folder.path, REPO).length + 1)}: ${reason}`) })
    const model = await hubAt(url).pin(REPO, 'main')
    expect(model.files.map(({ path }) => path)).toEqual([
      'config.json',
      'empty.txt',
      'inside.json',
      'model.safetensors',
      'tokenizer/merges.txt',
    ])
    for (const path of ['outside.txt', 'etc/hostname', 'dangling', '..%2f..%2fsecret.txt', '%2e%2e/%2e%2e/secret.txt']) {
      expect([path, (await get(file('main', path))).status]).toEqual([path, 404])
    }
    await new Promise((resolve) => setTimeout(resolve, 1100)) // until it looks again
    await hubAt(url).pin(REPO, 'main')
    expect(refused.toSorted()).toEqual([
      'a\\b: its name cannot be served',
      'dangling: ENOENT',
      'etc: it is a link out of the served folder',
      'outside.txt: it is a link out of the served folder',
    ])
  })
})

describe('the API', () => {
  it('describes models as the hub does', async () => {
    const answer = (await (await get(`/api/models/${REPO}?blobs=true`)).json()) as { sha: string; siblings: object[] }
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(weights())}\nsize ${SIZE}\n`
    expect(answer).toMatchObject({ id: REPO, private: false, gated: false })
    expect(answer.siblings).toContainEqual({
      rfilename: 'model.safetensors',
      size: SIZE,
      blobId: gitSha1(Buffer.from(pointer)),
      lfs: { sha256: sha256(weights()), size: SIZE, pointerSize: pointer.length },
    })
    expect(answer.siblings).toContainEqual({ rfilename: 'empty.txt', size: 0, blobId: gitSha1(Buffer.alloc(0)) })
    const plain = (await (await get(`/api/models/${REPO}/revision/${answer.sha}`)).json()) as object
    expect(plain).toMatchObject({ siblings: [...contents.keys()].toSorted().map((rfilename) => ({ rfilename })) })
  })

  it('tells what files are, by path, as JavaScript clients ask', async () => {
    const ask = (body: unknown) =>
      fetch(`${url}/api/models/${REPO}/paths-info/main`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const answer = (await (await ask({ paths: ['config.json', 'absent'], expand: true })).json()) as { path: string; lastCommit: object }[]
    expect(answer).toMatchObject([{ type: 'file', path: 'config.json', lastCommit: { id: expect.stringMatching(/^[0-9a-f]{40}$/) } }])
    expect((await ask({ paths: 7 })).status).toBe(400)
  })

  it('lists trees, by folder and page', async () => {
    const paths = async (path: string) =>
      ((await (await get(path)).json()) as { type: string; path: string }[]).map(({ type, path }) => `${type} ${path}`)
    const tree = `/api/models/${REPO}/tree/main`
    expect(await paths(tree)).toEqual(['file config.json', 'file empty.txt', 'file model.safetensors', 'directory tokenizer'])
    expect(await paths(`${tree}/tokenizer`)).toEqual(['file tokenizer/merges.txt'])
    expect(await paths(`${tree}?recursive=True`)).toEqual([
      'file config.json',
      'file empty.txt',
      'file model.safetensors',
      'directory tokenizer',
      'file tokenizer/merges.txt',
    ])
    const first = await get(`${tree}?recursive=true&limit=3`)
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1]
    expect(await paths(next ?? '')).toEqual(['directory tokenizer', 'file tokenizer/merges.txt'])
    expect((await get(`${tree}/absent`)).headers.get('x-error-code')).toBe('EntryNotFound')
  })

  it.each([
    ['/api/models/acme/absent', 'RepoNotFound'],
    ['/api/models/acme/..', 'RepoNotFound'],
    ['/api/models/acme/%2e%2e%2f%2e%2e', 'RepoNotFound'],
    [`/api/models/${REPO}/revision/v1`, 'RevisionNotFound'],
    [`/api/models/${REPO}/revision/${'a'.repeat(40)}`, 'RevisionNotFound'],
    ['/acme/absent/resolve/main/config.json', 'RepoNotFound'],
    [`/${REPO}/resolve/v1/config.json`, 'RevisionNotFound'],
    [`/${REPO}/resolve/main/absent.json`, 'EntryNotFound'],
  ])('answers %s with 404 %s', async (path, code) => {
    const answer = await get(path.replace('acme/..', 'acme/%2E%2E%2Facme'))
    expect([answer.status, answer.headers.get('x-error-code')]).toEqual([404, code])
  })
})

describe('files', () => {
  it('come with what clients know them by', async () => {
    for (const method of ['HEAD', 'GET']) {
      const answer = await get(file(), { method })
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        etag: `"${sha256(weights())}"`,
        'x-linked-etag': `"${sha256(weights())}"`,
        'x-linked-size': String(SIZE),
        'content-length': String(SIZE),
        'accept-ranges': 'bytes',
        'x-repo-commit': expect.stringMatching(/^[0-9a-f]{40}$/),
      })
      expect(Buffer.from(await answer.arrayBuffer()).equals(method === 'GET' ? weights() : Buffer.alloc(0))).toBe(true)
    }
    const small = await get(file('main', 'tokenizer/merges.txt'), { method: 'HEAD' })
    expect(small.headers.get('etag')).toBe(`"${gitSha1(contents.get('tokenizer/merges.txt') ?? Buffer.alloc(0))}"`)
    expect(small.headers.get('x-linked-etag')).toBeNull()
    const empty = await get(file('main', 'empty.txt'))
    expect([empty.status, empty.headers.get('content-length'), await empty.text()]).toEqual([200, '0', ''])
  })

  it.each([
    ['bytes=0-0', 206, 0, 1],
    ['bytes=100-1999', 206, 100, 2000],
    [`bytes=1999990-`, 206, 1_999_990, SIZE],
    ['bytes=-10', 206, SIZE - 10, SIZE],
    ['bytes=5-99999999', 206, 5, SIZE],
    ['bytes=10-5', 200, 0, SIZE],
    ['bytes=0-1,5-6', 200, 0, SIZE],
    ['lines=0-1', 200, 0, SIZE],
  ])('%s gives %i', async (range, status, from, to) => {
    const answer = await get(file(), { headers: { range } })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-range')).toBe(status === 206 ? `bytes ${from}-${to - 1}/${SIZE}` : null)
    expect(Buffer.from(await answer.arrayBuffer()).equals(weights().subarray(from, to))).toBe(true)
  })

  it.each([`bytes=${SIZE}-`, 'bytes=-0'])('%s cannot be satisfied', async (range) => {
    const answer = await get(file(), { headers: { range } })
    expect([answer.status, answer.headers.get('content-range'), await answer.text()]).toEqual([416, `bytes */${SIZE}`, ''])
  })

  it('honours If-Range and If-None-Match', async () => {
    const etag = `"${sha256(weights())}"`
    const range = 'bytes=0-9'
    expect((await get(file(), { headers: { range, 'if-range': etag } })).status).toBe(206)
    expect((await get(file(), { headers: { range, 'if-range': '"other"' } })).status).toBe(200)
    expect((await get(file(), { headers: { 'if-none-match': etag } })).status).toBe(304)
  })

  it('need the token when there is one', async () => {
    url = await serve({ token: 'hf_right' })
    for (const headers of [{}, { authorization: 'Bearer hf_wrong' }])
      expect((await get(file(), { headers: new Headers(headers) })).status).toBe(401)
    await expect(hubAt(url).pin(REPO, 'main')).rejects.toMatchObject({ code: 'HubAuth' })
    expect((await hubAt(url, 'hf_right').pin(REPO, 'main')).files).toHaveLength(contents.size)
  })
})

describe('a Hugging Face cache', () => {
  it('is served with its snapshots, refs and digests, and nothing is hashed', async () => {
    const home = await temporaryFolder()
    try {
      const store = createWeightStore({
        sources: () => [hubSource(hubAt(url))],
        hubCache: home.path,
        partials: join(home.path, '..', `${createHash('md5').update(home.path).digest('hex')}-partials`),
      })
      const model = await hubAt(url).pin(REPO, 'main')
      await store.ensure({ ...model, ref: 'refs/pr/1' }, model.files, {})
      // A blob's name is taken for its digest, so that wrong bytes under it show that it was not read.
      const blob = join(home.path, 'models--acme--tiny', 'blobs', sha256(weights()))
      await writeFile(blob, Buffer.alloc(SIZE))
      const peer = hubAt(await serve({ dir: home.path }))
      for (const ref of ['main', 'refs/pr/1', model.commit]) expect(await peer.pin(REPO, ref)).toEqual({ ...model, ref })
      await expect(peer.pin(REPO, 'v1')).rejects.toMatchObject({ code: 'RevisionNotFound' })
      await expect(peer.pin(REPO, 'f'.repeat(40))).rejects.toMatchObject({ code: 'RevisionNotFound' })
    } finally {
      await home.remove()
    }
  })
})

describe('start', () => {
  it('says which port is taken, and which folder is not there', async () => {
    const port = Number(new URL(url).port)
    await expect(startHubServer({ dir: folder.path, port })).rejects.toMatchObject({ code: 'PortTaken', details: { port } })
    await expect(startHubServer({ dir: join(folder.path, 'absent') })).rejects.toMatchObject({ code: 'NotFound' })
  })
})

const python = await findPythonHub()

describe.skipIf(python === null)('Python\u2019s huggingface_hub (needs Python and the package)', { timeout: 120_000 }, () => {
  it('downloads a snapshot and single files from it', async () => {
    const home = await temporaryFolder()
    try {
      const env = { HOME: home.path, HF_HOME: home.path, HF_ENDPOINT: url }
      const path = (await python?.python(`import huggingface_hub as h; print(h.snapshot_download('${REPO}'))`, env))?.trim() ?? ''
      for (const [name, content] of contents) expect((await readFile(join(path, name))).equals(content)).toBe(true)
      await python?.hf(['download', REPO, 'tokenizer/merges.txt', '--local-dir', join(home.path, 'local')], env)
      expect(
        (await readFile(join(home.path, 'local', 'tokenizer/merges.txt'))).equals(contents.get('tokenizer/merges.txt') ?? Buffer.alloc(0)),
      ).toBe(true)
      expect(await readdir(join(home.path, 'local'))).not.toContain('config.json')
      const info = await python?.python(
        `import huggingface_hub as h; i = h.HfApi().model_info('${REPO}', files_metadata=True); print(i.sha, len(i.siblings))`,
        env,
      )
      expect(info?.trim()).toBe(`${(await hubAt(url).pin(REPO, 'main')).commit} ${contents.size}`)
    } finally {
      await home.remove()
    }
  })
})
