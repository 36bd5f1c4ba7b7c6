import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { WarmInput } from '../../src/contracts/cache-flows.js'
import { AimError } from '../../src/contracts/errors.js'
import { CONTROL_QUEUE } from '../../src/contracts/task-queues.js'
import { startChild } from '../support/children.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { diskFull, shardedModel } from '../support/fake-caches.js'
import { COMMIT, uniqueName } from '../support/fakes.js'
import { temporalAddress } from '../support/temporal-address.js'
import { until } from '../support/wait-for.js'

const MODEL = 'org/shards'
const SIZES = [400, 300, 300, 200]
const ALL = 1_201

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
  // Only the nodes that a test adds are meant.
  await cluster.forgetNode(cluster.nodeId)
})
afterAll(() => cluster.stop())

type Node = Awaited<ReturnType<TestCluster['addNode']>>
let nodes: Node[] = []
const addNodes = async (...changes: Parameters<TestCluster['addNode']>[0][]) => {
  for (const change of changes) nodes.push(await cluster.addNode(change))
  return nodes
}

beforeEach(() => {
  nodes = []
  cluster.network.outside.splice(0)
  vi.spyOn(cluster.hub, 'pin').mockImplementation(async (repo, ref) => shardedModel(repo, ref, SIZES))
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const { nodeId, leave } of nodes) {
    await cluster.forgetNode(nodeId)
    await leave()
  }
})

const start = (change: Partial<WarmInput> = {}) => cluster.aim.warm({ model: MODEL, ref: uniqueName('ref'), ...change })
const warm = async (change: Partial<WarmInput> = {}) => (await start(change)).result()
const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('should have failed'),
    (error: unknown) => error,
  )
/** Work that ends only when it is called off. */
const untilCancelled = async (_paths: string[], signal?: AbortSignal) => {
  await once(signal ?? new EventTarget(), 'abort')
  signal?.throwIfAborted()
}
const three = () => addNodes({}, {}, {})

describe('a warm-up of three nodes', () => {
  test('fetches each file from outside once, in like shares, and the rest from each other', async () => {
    await three()
    const result = await warm()
    expect(result).toMatchObject({ outcome: 'warmed', repo: MODEL, commit: COMMIT, files: 5, bytes: ALL, outsideBytes: ALL })
    expect(cluster.network.outside.map(({ path }) => path).toSorted()).toEqual(
      ['config.json', ...SIZES.map((_, index) => `model-${index}.safetensors`)].toSorted(),
    )
    expect(new Set(cluster.network.outside.map(({ nodeId }) => nodeId)).size).toBe(3)
    for (const { nodeId, weights } of nodes) {
      expect(weights.held.size).toBe(5)
      const node = result.nodes.find((each) => each.nodeId === nodeId)
      expect(node).toMatchObject({ outcome: 'miss', fetchedBytes: ALL, error: null })
      expect((node?.sources['hub'] ?? 0) + (node?.sources['peer'] ?? 0)).toBe(ALL)
      // All of it is for nobody yet, and no node is its own peer.
      expect(weights.asked.every(({ endpoint, peers }) => endpoint === null && !peers.includes(nodeId))).toBe(true)
    }
    expect(nodes.every(({ weights }) => weights.discarded.length === 0)).toBe(true)
  })

  test('takes what one node has from there, also when that node was not asked for', async () => {
    const [holder, ...others] = await three()
    for (const path of ['config.json', 'model-0.safetensors', 'model-1.safetensors']) holder!.weights.held.add(path)
    const result = await warm({ nodes: others.map(({ nodeId }) => nodeId) })
    expect(cluster.network.outside.map(({ path }) => path).toSorted()).toEqual(['model-2.safetensors', 'model-3.safetensors'])
    expect(result).toMatchObject({ outcome: 'warmed', outsideBytes: 500 })
    expect(result.nodes.map(({ nodeId }) => nodeId).toSorted()).toEqual(others.map(({ nodeId }) => nodeId).toSorted())
    expect(holder!.weights.asked).toEqual([])
  })

  test('is a hit where everything is there, and asks outside for nothing', async () => {
    await three()
    await warm()
    cluster.network.outside.splice(0)
    const again = await warm()
    expect(again).toMatchObject({ outcome: 'warmed', outsideBytes: 0 })
    expect(again.nodes.map(({ outcome }) => outcome)).toEqual(['hit', 'hit', 'hit'])
    expect(cluster.network.outside).toEqual([])
  })

  test('is kept in the history with who asked, and found in Temporal by model and state', async () => {
    await three()
    const handle = await start({ reason: 'before the launch' })
    await handle.result()
    expect((await cluster.records.history(null))[0]).toMatchObject({
      kind: 'warm',
      actor: 'tester@bench',
      reason: 'before the launch',
      state: 'warmed',
      result: { outcome: 'warmed' },
    })
    await until(async () => (await cluster.aim.cacheFlows(100)).some(({ runId, running }) => runId === handle.runId && !running))
    const flow = (await cluster.aim.cacheFlows(100)).find(({ runId }) => runId === handle.runId)
    expect(flow).toMatchObject({ type: 'warmCache', model: MODEL, state: 'warmed', actor: 'tester@bench', step: null })
  })

  test('reaches only the nodes that carry the labels', async () => {
    await addNodes({ labels: { zone: 'a' } }, { labels: { zone: 'b' } })
    const result = await warm({ labels: { zone: 'b' } })
    expect(result.nodes).toMatchObject([{ nodeId: nodes[1]!.nodeId, outcome: 'miss' }])
    expect(nodes[0]!.weights.held.size).toBe(0)
    expect(await failureOf(warm({ labels: { zone: 'c' } }))).toMatchObject({
      code: 'NoNode',
      message: 'no node answers: none carries these labels',
    })
  })

  test('lets each node fetch for itself where none serves others', async () => {
    await addNodes({ peerUrl: null }, { peerUrl: null })
    expect(await warm()).toMatchObject({ outcome: 'warmed', outsideBytes: 2 * ALL })
  })

  test('checks what lies there when that is asked for, and tells a node whose files cannot be mended', async () => {
    await three()
    const bad = {
      repo: MODEL,
      commit: COMMIT,
      path: 'model-0.safetensors',
      digest: 'b'.repeat(64),
      actual: 'c'.repeat(64),
      why: 'no source',
    }
    nodes[0]!.cache.bad = [{ ...bad, state: 'repaired', why: null }]
    nodes[1]!.cache.bad = [{ ...bad, state: 'removed' }]
    const result = await warm({ verify: true })
    expect(nodes.map(({ cache }) => cache.verified)).toEqual(nodes.map(() => [{ repo: MODEL, commit: COMMIT, repair: true }]))
    expect(result.outcome).toBe('partly warmed')
    const told = Object.fromEntries(result.nodes.map(({ nodeId, outcome, error }) => [nodeId, [outcome, error?.code ?? null]]))
    expect(told).toEqual({
      [nodes[0]!.nodeId]: ['miss', null],
      [nodes[1]!.nodeId]: ['failed', 'DigestMismatch'],
      [nodes[2]!.nodeId]: ['miss', null],
    })
  })
})

describe('a node that fails', () => {
  test('has its share brought by the others, and is told in the result with the reason', async () => {
    const [broken] = await three()
    broken!.weights.ensuring = () => Promise.reject(diskFull())
    const result = await warm()
    expect(cluster.network.outside).toHaveLength(5)
    expect(result).toMatchObject({ outcome: 'partly warmed', outsideBytes: ALL })
    expect(result.nodes.find(({ nodeId }) => nodeId === broken!.nodeId)).toMatchObject({ outcome: 'failed', error: { code: 'DiskFull' } })
    expect(result.nodes.filter(({ outcome }) => outcome === 'miss')).toHaveLength(2)
    // Half-written files go from there, and from nowhere else.
    expect(nodes.map(({ weights }) => weights.discarded)).toEqual([[MODEL], [], []])
  })

  test('only while it fetches from outside still gets all from the others', async () => {
    const [unlucky] = await three()
    let tries = 0
    unlucky!.weights.ensuring = async () => {
      if (tries++ === 0) throw new AimError('HubAuth', { hub: 'hub', model: MODEL, reason: 'no token here' })
    }
    const result = await warm()
    expect(result).toMatchObject({ outcome: 'warmed', outsideBytes: ALL })
    expect(result.nodes.find(({ nodeId }) => nodeId === unlucky!.nodeId)).toMatchObject({ outcome: 'miss', sources: { peer: ALL } })
  })

  test('does not answer from the start: it is silent in the result', async () => {
    await three()
    const gone = uniqueName('gone')
    await cluster.registerNode(gone)
    const result = await warm()
    await cluster.forgetNode(gone)
    expect(result.outcome).toBe('partly warmed')
    expect(result.nodes.find(({ nodeId }) => nodeId === gone)).toMatchObject({ outcome: 'silent', error: { code: 'NoNode' } })
    expect(result.nodes.filter(({ outcome }) => outcome === 'miss')).toHaveLength(3)
  })

  test('is killed in the middle of its share: the others bring it', async () => {
    await addNodes({}, {})
    const nodeId = uniqueName('node')
    const child = startChild(new URL('../support/warm-node-child.ts', import.meta.url), [temporalAddress(), cluster.namespace, nodeId])
    await child.nextLine()
    await cluster.registerNode(nodeId)
    const handle = await start()
    const share = (await child.nextLine()) as { paths: string[] }
    await child.kill('SIGKILL')
    const result = await handle.result()
    await cluster.forgetNode(nodeId)
    expect(share.paths.length).toBeGreaterThan(0)
    expect(cluster.network.outside).toHaveLength(5)
    expect(result).toMatchObject({ outcome: 'partly warmed', outsideBytes: ALL })
    expect(result.nodes.find((node) => node.nodeId === nodeId)).toMatchObject({ outcome: 'silent', error: { code: 'NoNode' } })
    // Nobody is sent to a machine that is gone.
    const last = nodes.map(({ weights }) => weights.asked.at(-1)?.peers)
    expect(last.flat()).not.toContain(nodeId)
  }, 150_000)
})

describe('a warm-up that fails', () => {
  test('on every node for one reason ends with that reason, and leaves nothing half-written', async () => {
    await three()
    for (const { weights } of nodes) weights.ensuring = () => Promise.reject(diskFull())
    const handle = await start()
    expect(await failureOf(handle.result())).toMatchObject({ code: 'DiskFull', details: { needed: 2, free: 1 } })
    expect(nodes.map(({ weights }) => weights.discarded)).toEqual([[MODEL], [MODEL], [MODEL]])
    expect((await cluster.records.history(null))[0]).toMatchObject({ state: 'failed', error: { code: 'DiskFull' } })
  })

  test('on every node for different reasons names them all', async () => {
    const [first, second] = await addNodes({}, {})
    first!.weights.ensuring = () => Promise.reject(diskFull())
    second!.weights.ensuring = () => Promise.reject(new AimError('CacheUnwritable', { path: '/cache', reason: 'read-only' }))
    expect(await failureOf(warm())).toMatchObject({
      code: 'NoneWarmed',
      message: expect.stringMatching(/was brought to no node: .*needs 2 bytes.*read-only|.*read-only.*needs 2 bytes/) as unknown,
    })
  })

  test('is cancelled: it ends when the nodes have let go, and leaves nothing half-written', async () => {
    await three()
    for (const { weights } of nodes) weights.ensuring = untilCancelled
    const handle = await start()
    await until(() => nodes.every(({ weights }) => weights.asked.length === 1))
    await handle.cancel()
    expect(await failureOf(handle.result())).toMatchObject({ code: 'Cancelled' })
    expect(nodes.map(({ weights }) => weights.discarded)).toEqual([[MODEL], [MODEL], [MODEL]])
    expect((await cluster.records.history(null))[0]).toMatchObject({ state: 'cancelled' })
  })

  test('without any node says so', async () => {
    expect(await failureOf(warm())).toMatchObject({ code: 'NoNode', message: 'no node answers: none is registered' })
  })

  test.each([
    [{ nodes: ['nowhere'] }, 'nodes', 'there is no node nowhere'],
    [{ file: 'other.gguf' }, 'file', 'no GGUF file other.gguf; there are: none'],
    [{ format: 'gguf' as const }, 'format', 'no GGUF file in the repository'],
  ])('on what is not there (%o) names the field', async (change, field, rule) => {
    await addNodes({})
    expect(await failureOf(warm(change))).toMatchObject({ code: 'InvalidInput', details: { field, rule } })
    expect(nodes[0]!.weights.asked).toEqual([])
  })
})

describe('a model of very many files', () => {
  const many = Array.from({ length: 4_999 }, (_, index) => index)

  test('is brought to many nodes, though their lists together are more than one message may carry', async () => {
    vi.spyOn(cluster.hub, 'pin').mockImplementation(async (repo, ref) => shardedModel(repo, ref, many))
    await addNodes({}, {}, {}, {}, {}, {})
    const result = await warm()
    expect(result).toMatchObject({ outcome: 'warmed', files: 5_000, outsideBytes: result.bytes })
    expect(cluster.network.outside).toHaveLength(5_000)
  }, 120_000)

  test('is refused for more nodes than a history has room for', async () => {
    vi.spyOn(cluster.hub, 'pin').mockImplementation(async (repo, ref) => shardedModel(repo, ref, many))
    await addNodes(...Array.from({ length: 11 }, () => ({})))
    expect(await failureOf(warm())).toMatchObject({ code: 'InvalidInput', details: { field: 'nodes' } })
  })
})

describe('a second start', () => {
  test('of the same request joins the first, also with another reason; another request runs beside it', async () => {
    const [first, second] = await addNodes({}, {})
    for (const { weights } of nodes) weights.ensuring = untilCancelled
    const ref = uniqueName('ref')
    const one = await start({ ref })
    const same = await start({ ref, reason: 'again' })
    expect(same).toMatchObject({ attached: true, workflowId: `warm/${MODEL}@${ref}`, runId: one.runId })
    const other = await start({ ref, nodes: [second!.nodeId] })
    expect(other.attached).toBe(false)
    expect(other.workflowId).toMatch(/^warm\/org\/shards@.*\/[0-9a-f]{12}$/)
    expect(await start({ ref, nodes: [second!.nodeId] })).toMatchObject({ attached: true, runId: other.runId })
    await until(() => first!.weights.asked.length === 1)
    const [running] = await cluster.aim.cacheFlows(1)
    expect(running).toMatchObject({ running: true, state: 'warming' })
    await one.cancel()
    await other.cancel()
    await failureOf(one.result())
    await failureOf(other.result())
  })
})

describe('started by hand', () => {
  test.each([
    [{ model: MODEL, node: 'x' }, 'node: is not a known field'],
    [{ model: '../../etc' }, 'model: must be a repository `org/name`'],
    [{ model: MODEL, nodes: [] }, 'nodes: must name at least one'],
    [{ model: MODEL, file: '../x' }, 'file: must be a relative path'],
    [{ model: MODEL, actor: 'root' }, 'actor: is not a known field'],
    [undefined, 'input: Invalid input: expected object'],
  ])('refuses %o before it does anything', async (input, message) => {
    const handle = await cluster.client.workflow.start('warmCache', {
      taskQueue: CONTROL_QUEUE,
      workflowId: uniqueName('bad'),
      args: [input],
    })
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'InvalidInput', nonRetryable: true, message: expect.stringContaining(message) as unknown },
    })
    const { events } = await handle.fetchHistory()
    expect(events?.some((event) => event.activityTaskScheduledEventAttributes)).toBe(false)
  })
})
