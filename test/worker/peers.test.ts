import { hostname } from 'node:os'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { loadSettings } from '../../src/config/load.js'
import { openPeers, type OpenPeers } from '../../src/worker/peers.js'
import { temporaryFolder } from '../support/sample-model.js'

let home: Awaited<ReturnType<typeof temporaryFolder>>
const opened: OpenPeers[] = []

beforeEach(async () => {
  home = await temporaryFolder()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const peers of opened.splice(0)) await peers.close()
  await home.remove()
})

async function open(env: Record<string, string>): Promise<OpenPeers | null> {
  const peers = await openPeers(loadSettings({ AIM_HOME: home.path, HF_HOME: home.path, ...env }).settings, { onStep: () => {} })
  if (peers !== null) opened.push(peers)
  return peers
}
const status = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
  (await fetch(`${url}/blobs/${'a'.repeat(64)}`, { headers })).status

describe('a node', () => {
  test('serves its weights on loopback, on a port that nobody had', async () => {
    const [one, other] = [await open({}), await open({})]
    expect(one?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(other?.url).not.toBe(one?.url)
    expect(await status(one?.url ?? '')).toBe(404)
  })

  test('serves none when it is told so', async () => {
    expect(await open({ AIM_PEER_ADDRESS: 'off' })).toBeNull()
  })

  test.each(['0.0.0.0:0', '[::]:0', '10.1.2.3:8710', 'node-a:8710'])('does not serve at %s without a token', async (address) => {
    await expect(open({ AIM_PEER_ADDRESS: address })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: 'AIM_PEER_ADDRESS', rule: expect.stringContaining('AIM_PEER_TOKEN') as string },
    })
  })

  test('does not serve without the token that it was told to ask for', async () => {
    await expect(open({ AIM_PEER_TOKEN: 'env:AIM_TEST_NO_SUCH' })).rejects.toMatchObject({ code: 'SecretMissing' })
    await expect(open({ AIM_PEER_TOKEN: `file:${home.path}/none` })).rejects.toMatchObject({ code: 'SecretMissing' })
  })

  test('asks for its token, and announces a name that others can reach it by', async () => {
    vi.stubEnv('AIM_TEST_PEER_TOKEN', 'ours')
    const peers = await open({ AIM_PEER_ADDRESS: '0.0.0.0:0', AIM_PEER_TOKEN: 'env:AIM_TEST_PEER_TOKEN' })
    expect(peers?.url).toMatch(new RegExp(`^http://${hostname()}:\\d+$`))
    const local = `http://127.0.0.1:${new URL(peers?.url ?? '').port}`
    expect([await status(local), await status(local, { authorization: 'Bearer ours' })]).toEqual([401, 404])
  })

  test('names an address that is not its own', async () => {
    vi.stubEnv('AIM_TEST_PEER_TOKEN', 'ours')
    await expect(open({ AIM_PEER_ADDRESS: '192.0.2.1:8710', AIM_PEER_TOKEN: 'env:AIM_TEST_PEER_TOKEN' })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { rule: '192.0.2.1 cannot be listened on: EADDRNOTAVAIL' },
    })
  })

  test('announces what it is told to', async () => {
    expect((await open({ AIM_PEER_URL: 'http://10.9.8.7:8710/' }))?.url).toBe('http://10.9.8.7:8710')
  })
})
