import { randomBytes } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withPatience } from '../../../src/adapters/sources/patience.js'
import { s3Source, type S3Options } from '../../../src/adapters/sources/s3-source.js'
import { freePorts } from '../../../src/config/free-ports.js'
import { startForwardProxy } from '../../support/forward-proxy.js'
import { startRawServer } from '../../support/raw-server.js'
import { temporaryFolder } from '../../support/sample-model.js'
import { obtainS3Server, startS3Server, type S3Server } from '../../support/s3-server.js'
import { bring, COMMIT, fileOf, MODEL, readAll, REPO, same } from './support.js'

const program = await obtainS3Server()

describe.skipIf(program === null)('a store in the protocol of S3 (needs Go once, to build one)', () => {
  const content = randomBytes(3_000_000)
  const file = fileOf(content)
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let server: S3Server

  beforeEach(async () => {
    folder = await temporaryFolder()
    await mkdir(join(folder.path, 'weights'))
    server = await startS3Server(program ?? '', folder.path)
    for (const name of ['AWS_PROFILE', 'AWS_REGION', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_ACCESS_KEY_ID', server.accessKey)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', server.secretKey)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await server.close()
    await folder.remove()
  })
  const source = (options: Partial<S3Options> = {}) => s3Source({ address: 's3://weights/llm', endpoint: server.endpoint, ...options })
  const put = async (key: string, bytes: Buffer): Promise<void> => {
    await mkdir(dirname(join(folder.path, 'weights', key)), { recursive: true })
    await writeFile(join(folder.path, 'weights', key), bytes)
  }

  test.each([
    ['its digest', `llm/blobs/${file.digest.hex}`],
    ['its repository, commit and path', `llm/${REPO}/${COMMIT}/model.safetensors`],
  ])('gives a file by %s', async (_what, key) => {
    await put(key, content)
    expect(same(await bring(source(), MODEL, file), content)).toBe(true)
  })

  test('gives exactly the range that is asked for', async () => {
    await put(`llm/blobs/${file.digest.hex}`, content)
    const location = await source().locate(MODEL, file)
    expect(same(await readAll(source(), location!, { start: 1_000_001, end: 2_000_000 }), content.subarray(1_000_001, 2_000_001))).toBe(
      true,
    )
  })

  test('takes names that are no words of an address', async () => {
    const odd = fileOf(content, 'a b/100 %#?&+=ä.bin')
    await put(`llm/${REPO}/${COMMIT}/${odd.path}`, content)
    expect(same(await bring(source(), MODEL, odd), content)).toBe(true)
  })

  test('looks for the digest first, and does not take a file of another size for it', async () => {
    await put(`llm/blobs/${file.digest.hex}`, content.subarray(1))
    expect(await source().locate(MODEL, file)).toBeNull()
    await put(`llm/${REPO}/${COMMIT}/model.safetensors`, content)
    expect((await source().locate(MODEL, file))?.url).toContain(COMMIT)
  })

  test('says that it has no such file, without a prefix as well', async () => {
    expect(await source().locate(MODEL, file)).toBeNull()
    expect(await source({ address: 's3://weights/' }).locate(MODEL, file)).toBeNull()
    await put(`blobs/${file.digest.hex}`, content)
    expect(same(await bring(source({ address: 's3://weights/' }), MODEL, file), content)).toBe(true)
  })

  test('an address that has run out is refused, and a new one serves', async () => {
    await put(`llm/blobs/${file.digest.hex}`, content)
    const short = source({ signedSeconds: 1 })
    const old = await short.locate(MODEL, file)
    await sleep(2_100)
    const failure = await readAll(short, old!).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'HubAuth' })
    expect(same(await bring(short, MODEL, file), content)).toBe(true)
  })

  test('wrong credentials are said without showing them', async () => {
    await put(`llm/blobs/${file.digest.hex}`, content)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another-secret')
    const failure = await source()
      .locate(MODEL, file)
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'HubAuth', details: { hub: 's3 s3://weights/llm', reason: 'no access (403)' } })
    expect(inspect(failure)).not.toMatch(/another-secret|X-Amz/)
  })

  test('who may read objects but not list them is told 403 for what is absent: it is absent once another could be read', async () => {
    const front = await startWithoutList(server.endpoint)
    const patient = withPatience(source({ endpoint: front.url }))
    const absent = (n: number) => fileOf(Buffer.from(`absent ${n}`), `absent-${n}.bin`)
    try {
      for (const n of [1, 2, 3, 4]) await expect(patient.locate(MODEL, absent(n))).rejects.toMatchObject({ code: 'HubAuth' })
      await put(`llm/${REPO}/${COMMIT}/model.safetensors`, content)
      expect(same(await bring(patient, MODEL, file), content)).toBe(true)
      for (const n of [1, 2, 3, 4]) expect(await patient.locate(MODEL, absent(n))).toBeNull()
      expect(same(await bring(patient, MODEL, file), content)).toBe(true)
    } finally {
      await front.close()
    }
  })

  test('no credentials at all is said as such', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, join(folder.path, 'none'))
    await expect(source().locate(MODEL, file)).rejects.toMatchObject({ code: 'HubAuth', details: { reason: 'no credentials were found' } })
  })

  test('AWS itself needs a region', async () => {
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, join(folder.path, 'none'))
    await expect(source({ endpoint: undefined }).locate(MODEL, file)).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: 'AIM_S3_REGION' },
    })
  })

  test('no failure of a read shows the signature', async () => {
    await put(`llm/blobs/${file.digest.hex}`, content)
    const location = await source().locate(MODEL, file)
    await rename(join(folder.path, 'weights', 'llm'), join(folder.path, 'weights', 'gone'))
    const failure = await readAll(source(), location!).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ModelNotFound' })
    expect(inspect(failure)).not.toMatch(/X-Amz|AIMTESTKEY/)
    await server.close()
    const gone = await readAll(source(), location!).catch((error: unknown) => error)
    expect(gone).toMatchObject({ code: 'HubUnreachable' })
    expect(inspect(gone)).not.toMatch(/X-Amz|AIMTESTKEY/)
  })

  test('a store that does not answer is a passing fault', { timeout: 60_000 }, async () => {
    const [port] = await freePorts(1)
    await expect(source({ endpoint: `http://127.0.0.1:${port}` }).locate(MODEL, file)).rejects.toMatchObject({ code: 'HubUnreachable' })
  })

  test('a store that takes the connection and never answers is one as well', async () => {
    const silent = await startRawServer(() => {})
    const limits = { connectMs: 1_000, answerMs: 200 }
    const failure = await source({ endpoint: silent.url, limits })
      .locate(MODEL, file)
      .catch((error: unknown) => error)
    await silent.close()
    expect(failure).toMatchObject({ code: 'HubUnreachable' })
    expect(silent.requests).toHaveLength(1)
  })

  test('is asked through the proxy of the site, and read through it', async () => {
    await put(`llm/blobs/${file.digest.hex}`, content)
    const proxy = await startForwardProxy()
    vi.stubEnv('HTTP_PROXY', proxy.url)
    for (const name of ['http_proxy', 'NO_PROXY', 'no_proxy']) vi.stubEnv(name, '')
    const bytes = await bring(source(), MODEL, file)
    await proxy.close()
    expect(same(bytes, content)).toBe(true)
    expect(proxy.asked.map((line) => line.split(' ')[0])).toEqual(['HEAD', 'GET'])
  })

  test('an abort ends it with its reason', async () => {
    const abort = new AbortController()
    abort.abort(new Error('enough'))
    await expect(source().locate(MODEL, file, abort.signal)).rejects.toThrow('enough')
  })

  test('wrong bytes under the right name are given as they are: who fetches proves them', async () => {
    const wrong = Buffer.from(content)
    wrong[5] = ~(wrong[5] ?? 0) & 0xff
    await put(`llm/blobs/${file.digest.hex}`, wrong)
    expect(same(await bring(source(), MODEL, file), wrong)).toBe(true)
  })
})

/** The same store for somebody without `s3:ListBucket`: 403 where it says 404. */
async function startWithoutList(endpoint: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    const forward = http.request(new URL(request.url ?? '', endpoint), { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode === 404 ? 403 : (answer.statusCode ?? 502), answer.headers)
      answer.pipe(response)
    })
    forward.on('error', () => response.destroy()) // told to the client by the cut
    forward.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
