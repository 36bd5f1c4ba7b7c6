import { createReadStream } from 'node:fs'
import { createHash } from 'node:crypto'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Peer } from '../../../src/ports/weight-source.js'
import { openNetwork, whyNoNetwork, type Network, type Resident } from '../../support/namespaces.js'
import { sha256, temporaryFolder, writeSampleModel } from '../../support/sample-model.js'
import { REPO } from './support.js'

const HUB = new URL('../../support/hub-child.ts', import.meta.url)
const NODE = new URL('../../support/peer-child.ts', import.meta.url)
const NODES = ['a', 'b', 'c']
const SHARD_BYTES = 8_000_000
const reason = whyNoNetwork()

type Brought = { path: string; sources: Record<string, number> }

describe.skipIf(reason !== null)(`nodes on machines of their own${reason === null ? '' : ` (${reason})`}`, { timeout: 120_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let network: Network
  let hub: Resident
  let hubUrl: string

  beforeEach(async () => {
    folder = await temporaryFolder()
    network = openNetwork(['hub', ...NODES])
    await mkdir(served(), { recursive: true })
  })
  afterEach(async () => {
    await network.close()
    await folder.remove()
  })
  const served = () => join(folder.path, 'served', REPO)

  async function startHub(): Promise<void> {
    hub = network.start('hub', HUB, [join(folder.path, 'served'), network.address('hub')])
    hubUrl = ((await hub.next()) as { url: string }).url
  }

  async function startNode(name: string, token = 'ours'): Promise<{ node: Resident; peer: Peer }> {
    const node = network.start(name, NODE, [REPO], {
      AIM_HOME: join(folder.path, name),
      HF_HOME: join(folder.path, name),
      HF_ENDPOINT: hubUrl,
      AIM_NODE_ID: name,
      AIM_PEER_ADDRESS: `${network.address(name)}:0`,
      AIM_PEER_TOKEN: 'env:AIM_TEST_PEER_TOKEN',
      AIM_TEST_PEER_TOKEN: token,
    })
    return { node, peer: (await node.next()) as Peer }
  }
  const sentBytes = async () => ((await hub.ask(null)) as { sentBytes: number }).sentBytes

  test('three of them get one model, and its bytes come from outside once', async () => {
    const files = await writeSampleModel(join(folder.path, 'served'), REPO, SHARD_BYTES)
    for (const shard of [2, 3]) {
      const content = Buffer.alloc(SHARD_BYTES, `shard ${shard}`)
      files.set(`model-${shard}.safetensors`, content)
      await writeFile(join(served(), `model-${shard}.safetensors`), content)
    }
    const paths = [...files.keys()].toSorted()
    const size = [...files.values()].reduce((sum, content) => sum + content.length, 0)
    await startHub()
    const nodes = await Promise.all(NODES.map((name) => startNode(name)))

    await Promise.all(nodes.map(({ node }, index) => node.ask({ paths: paths.filter((_, place) => place % 3 === index), peers: [] })))
    const peersOf = (self: Peer) => nodes.map(({ peer }) => peer).filter((peer) => peer !== self)
    const brought = (await Promise.all(nodes.map(({ node, peer }) => node.ask({ paths, peers: peersOf(peer) })))) as Brought[]

    for (const { path, sources } of brought) {
      expect(Object.keys(sources)).toEqual(['peer'])
      for (const [name, content] of files) expect(await digestOf(join(path, name)), name).toBe(sha256(content))
    }
    const outside = await sentBytes()
    expect(outside).toBeGreaterThanOrEqual(size)
    expect(outside).toBeLessThanOrEqual(size * 1.05)
  })

  test('one with another token gets nothing from the others, and brings everything from the hub', async () => {
    await writeSampleModel(join(folder.path, 'served'), REPO, SHARD_BYTES)
    await startHub()
    const [one, other] = [await startNode('a'), await startNode('b', 'theirs')]
    const paths = ['model.safetensors']
    await one.node.ask({ paths, peers: [] })
    const { sources } = (await other.node.ask({ paths, peers: [one.peer] })) as Brought
    expect(sources).toEqual({ hub: SHARD_BYTES })
  })

  test.each([
    ['its cable is pulled', (network: Network) => network.link('a', 'down')],
    ['its worker stands still', (_network: Network, peer: Resident) => void peer.kill('SIGSTOP')],
    ['its worker is killed', (_network: Network, peer: Resident) => void peer.kill('SIGKILL')],
  ])('a peer that is lost in the middle, because %s, is replaced by the hub', async (_what, lose) => {
    const size = 400_000_000
    await writeFile(join(served(), 'model.safetensors'), '')
    await truncate(join(served(), 'model.safetensors'), size)
    await startHub()
    const [one, other] = [await startNode('a'), await startNode('b')]
    const paths = ['model.safetensors']
    await one.node.ask({ paths, peers: [] })
    const before = await sentBytes()
    const { doneBytes } = (await other.node.ask({ paths, peers: [one.peer], tell: true })) as { doneBytes: number }
    lose(network, one.node)
    const { path, sources } = (await other.node.next()) as Brought
    expect(doneBytes).toBeLessThan(size)
    expect(sources['peer']).toBeGreaterThan(0)
    expect(sources['hub']).toBeGreaterThan(0)
    // On a busy machine the peer may have brought very little: what the hub sends is then the file, with its headers.
    expect((await sentBytes()) - before).toBeLessThan(size * 1.05)
    expect(await digestOf(join(path, 'model.safetensors'))).toBe(await digestOf(join(served(), 'model.safetensors')))
  })
})

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
