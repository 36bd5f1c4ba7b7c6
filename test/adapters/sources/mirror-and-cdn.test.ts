import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { cdnSource } from '../../../src/adapters/sources/cdn-source.js'
import { mirrorSource } from '../../../src/adapters/sources/hub-source.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { bring, fileOf, MODEL, pinAt, REPO, same } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let server: MisbehavingHub
let content: Buffer

beforeEach(async () => {
  folder = await temporaryFolder()
  content = (await writeSampleModel(folder.path, REPO, 500_000)).get('model.safetensors') ?? Buffer.alloc(0)
  server = await startMisbehavingHub(folder.path)
})
afterEach(async () => {
  await server.close()
  await folder.remove()
})

describe('a mirror', () => {
  const mirror = () => mirrorSource(createHub({ endpoint: server.url, token: async () => null }), `mirror ${server.url}`)

  test('gives what it has', async () => {
    const { model, file } = await pinAt(server.url)
    expect(same(await bring(mirror(), model, file), content)).toBe(true)
  })

  test('without the file, the commit or the model is no place', async () => {
    const { model, file } = await pinAt(server.url)
    expect(await mirror().locate(model, { ...file, path: 'other.bin' })).toBeNull()
    expect(await mirror().locate({ ...model, commit: 'd'.repeat(40) }, file)).toBeNull()
    expect(await mirror().locate({ ...model, repo: 'acme/other' }, file)).toBeNull()
  })

  test('with another file under that name is no place', async () => {
    const { model, file } = await pinAt(server.url)
    expect(await mirror().locate(model, { ...file, size: file.size + 1 })).toBeNull()
  })

  test('that fails is told so, so that it is tried again', async () => {
    const { model, file } = await pinAt(server.url)
    server.misbehave({ kind: 'status', status: 502 })
    await expect(mirror().locate(model, file)).rejects.toMatchObject({ code: 'HubUnreachable' })
  })
})

describe('a CDN', () => {
  const cdn = () => cdnSource(`${server.url}/{repo}/resolve/{commit}/{path}`)

  test('gives what it has by an address made from a template', async () => {
    const { model, file } = await pinAt(server.url)
    expect(same(await bring(cdn(), model, file), content)).toBe(true)
    expect(cdn().name).toBe(`cdn ${server.url}`)
  })

  test('is asked by digest, and names are encoded', async () => {
    const file = fileOf(content, 'a b/%2e%2e/#?{commit}.bin')
    await cdnSource(`${server.url}/x/{digest}?v={path}`).locate(MODEL, file)
    expect(server.requests.at(-1)?.path).toBe(`/x/${file.digest.hex}?v=a%20b/%252e%252e/%23%3F%7Bcommit%7D.bin`)
  })

  test.each([403, 404, 410])('that answers %i has it not', async (status) => {
    server.misbehave({ kind: 'status', status })
    expect(await cdn().locate(MODEL, fileOf(content))).toBeNull()
  })

  test('with a file of another size is no place', async () => {
    const { model, file } = await pinAt(server.url)
    expect(await cdn().locate(model, { ...file, size: 1 })).toBeNull()
  })

  test.each([
    [500, 'HubUnreachable'],
    [429, 'HubRateLimited'],
    [401, 'HubProtocol'],
    [405, 'HubProtocol'],
  ])('that answers %i fails with %s', async (status, code) => {
    server.misbehave({ kind: 'status', status })
    await expect(cdn().locate(MODEL, fileOf(content))).rejects.toMatchObject({ code })
  })

  test('that cannot be reached is a passing fault', async () => {
    await server.close()
    await expect(cdn().locate(MODEL, fileOf(content))).rejects.toMatchObject({ code: 'HubUnreachable' })
  })
})
