import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RefreshInput } from '../../src/contracts/cache-flows.js'
import { AimError } from '../../src/contracts/errors.js'
import { CONTROL_QUEUE } from '../../src/contracts/task-queues.js'
import { OWN_POLICY, startCluster, type TestCluster } from '../support/cluster.js'
import { diskFull, shardedModel } from '../support/fake-caches.js'
import { uniqueName } from '../support/fakes.js'
import { until } from '../support/wait-for.js'

const [OLD, NEW] = ['1', '2'].map((digit) => digit.repeat(40)) as [string, string]
const SHARDS = ['config.json', 'model-0.safetensors']

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
  await cluster.forgetNode(cluster.nodeId)
})
afterAll(() => cluster.stop())

type Node = Awaited<ReturnType<TestCluster['addNode']>>
let nodes: Node[] = []
/** Where each branch points on the hub; a model that is not here does not exist. */
let hub: Record<string, string> = {}

beforeEach(async () => {
  nodes = [await cluster.addNode(), await cluster.addNode()]
  hub = {}
  vi.spyOn(cluster.hub, 'pin').mockImplementation(async (repo, ref) => {
    const commit = hub[`${repo}@${ref}`]
    if (commit === undefined) throw new AimError('ModelNotFound', { model: repo, hub: 'the hub' })
    return shardedModel(repo, ref, [100], commit)
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const { nodeId, leave } of nodes) {
    await cluster.forgetNode(nodeId)
    await leave()
  }
})

const start = (change: RefreshInput = {}) => cluster.aim.refresh({ verifySampleBytes: 50, ...change })
const refresh = async (change: RefreshInput = {}) => (await start(change)).result()
const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('should have failed'),
    (error: unknown) => error,
  )
const untilCancelled = async (_paths: string[], signal?: AbortSignal) => {
  await once(signal ?? new EventTarget(), 'abort')
  signal?.throwIfAborted()
}

describe('a refresh', () => {
  test('brings what moved to the nodes that follow it, and nothing else', async () => {
    const [first, second] = nodes as [Node, Node]
    hub = { 'org/moved@main': NEW, 'org/same@main': OLD, 'org/moved@v1': OLD }
    first.cache.follows('org/moved', 'main', OLD, SHARDS)
    first.cache.follows('org/same', 'main', OLD, SHARDS)
    second.cache.follows('org/moved', 'v1', OLD, SHARDS)
    const result = await refresh()
    expect(result).toMatchObject({ outcome: 'refreshed', unchanged: 2, prewarmed: [] })
    expect(result.followed).toMatchObject([
      { model: 'org/moved', ref: 'main', commit: NEW, outcome: 'warmed', nodes: [first.nodeId], error: null },
    ])
    expect(first.weights.asked).toMatchObject([{ paths: SHARDS, endpoint: null }])
    expect(second.weights.asked).toEqual([])
  })

  test('evicts by the policy of each node, spares what its engines were started with, and proves a sample', async () => {
    const key = { namespace: cluster.namespace, endpoint: 'chat', replica: 0, fence: 1, launch: 1 }
    const served = { backend: 'llamacpp', servedName: 'chat', modelPath: '/weights/chat' } as const
    const spec = { ...served, gpus: [], parallel: PARALLEL, settings: {}, args: {}, env: {} }
    for (const { machine } of nodes) await machine.launch(key, spec)
    const result = await refresh()
    for (const { cache } of nodes) {
      expect(cache.pruned).toEqual([{ request: { policy: OWN_POLICY, dryRun: false }, inUse: ['/weights/chat'] }])
      expect(cache.verified).toEqual([{ sampleBytes: 50, repair: true }])
    }
    const pruned = { freedBytes: 70, removed: 1, largest: [{ repo: 'org/old', why: 'unused for 90 days' }] }
    const done = { outcome: 'done', pruned, verified: { checkedFiles: 2, bad: 0 }, error: null }
    expect(result.nodes).toMatchObject([done, done])
    expect((await cluster.records.history(null))[0]).toMatchObject({ kind: 'refresh', state: 'refreshed', actor: 'tester@bench' })
  })

  test('takes a policy of its own, and leaves out what it is told to', async () => {
    const policy = { maxIdleDays: 30, order: 'lfu' as const }
    await refresh({ policy, verifySampleBytes: 0 })
    expect(nodes[0]!.cache.pruned).toMatchObject([{ request: { policy } }])
    expect(nodes[0]!.cache.verified).toEqual([])
    const result = await refresh({ evict: false })
    expect(nodes[0]!.cache.pruned).toHaveLength(1)
    expect(result.nodes[0]).toMatchObject({ pruned: null, verified: { checkedBytes: 100 } })
  })

  test('brings ahead what is asked for, under the name of whoever started it', async () => {
    hub = { 'org/next@main': NEW }
    const result = await refresh({ prewarm: [{ model: 'org/next', nodes: [nodes[1]!.nodeId] }], evict: false })
    expect(result.prewarmed).toMatchObject([{ model: 'org/next', commit: NEW, outcome: 'warmed', nodes: [nodes[1]!.nodeId] }])
    expect(nodes.map(({ weights }) => weights.held.size)).toEqual([0, 2])
    expect((await cluster.records.history(null)).find(({ kind }) => kind === 'warm')).toMatchObject({
      actor: 'tester@bench',
      state: 'warmed',
    })
  })

  test('looks after the branches that it is given only', async () => {
    hub = { 'org/a@main': NEW, 'org/b@main': NEW }
    nodes[0]!.cache.follows('org/a', 'main', OLD, SHARDS)
    nodes[0]!.cache.follows('org/b', 'main', OLD, SHARDS)
    const { followed } = await refresh({ follow: [{ model: 'org/b' }] })
    expect(followed.map(({ model }) => model)).toEqual(['org/b'])
  })

  test('goes on where one branch, one node or one model fails, and tells it', async () => {
    const [first, second] = nodes as [Node, Node]
    hub = { 'org/full@main': NEW }
    first.cache.follows('org/gone', 'main', OLD, SHARDS)
    first.cache.follows('org/full', 'main', OLD, SHARDS)
    first.weights.ensuring = () => Promise.reject(diskFull())
    second.cache.failing = new AimError('CacheUnwritable', { path: '/cache', reason: 'read-only' })
    const silent = uniqueName('silent')
    await cluster.registerNode(silent)
    const result = await refresh()
    await cluster.forgetNode(silent)
    expect(result.outcome).toBe('partly refreshed')
    expect(result.followed).toMatchObject([
      { model: 'org/gone', outcome: 'failed', workflowId: null, error: { code: 'ModelNotFound' } },
      { model: 'org/full', outcome: 'failed', error: { code: 'DiskFull' } },
    ])
    const told = Object.fromEntries(result.nodes.map(({ nodeId, outcome, error }) => [nodeId, [outcome, error?.code ?? null]]))
    expect(told).toEqual({ [first.nodeId]: ['done', null], [second.nodeId]: ['failed', 'CacheUnwritable'], [silent]: ['silent', 'NoNode'] })
  })

  test('is cancelled: its warm-up ends first and leaves nothing half-written', async () => {
    const [first] = nodes as [Node]
    hub = { 'org/moved@main': NEW }
    first.cache.follows('org/moved', 'main', OLD, SHARDS)
    first.weights.ensuring = untilCancelled
    const handle = await start()
    await until(() => first.weights.asked.length === 1)
    const { steps } = await handle.progress()
    expect(steps.find(({ step }) => step === 'warm')).toMatchObject({
      state: 'running',
      detail: `${handle.workflowId}/warm/org/moved@main`,
    })
    await handle.cancel()
    expect(await failureOf(handle.result())).toMatchObject({ code: 'Cancelled' })
    expect(first.weights.discarded).toEqual(['org/moved'])
    expect(first.cache.pruned).toEqual([])
  })

  test('whose warm-up somebody cancels goes on without it', async () => {
    const [first] = nodes as [Node]
    hub = { 'org/moved@main': NEW }
    first.cache.follows('org/moved', 'main', OLD, SHARDS)
    first.weights.ensuring = untilCancelled
    const handle = await start()
    await until(() => first.weights.asked.length === 1)
    await cluster.client.workflow.getHandle(`${handle.workflowId}/warm/org/moved@main`).cancel()
    const result = await handle.result()
    expect(result.followed).toMatchObject([{ outcome: 'failed', error: { code: 'Cancelled' } }])
    expect(first.cache.pruned).toHaveLength(1)
  })

  test('without a node that answers ends with the reason', async () => {
    expect(await failureOf(refresh({ nodes: ['nowhere'] }))).toMatchObject({ code: 'InvalidInput', details: { field: 'nodes' } })
    for (const { nodeId } of nodes) await cluster.forgetNode(nodeId)
    await until(async () => (await cluster.aim.nodes()).length === 0)
    expect(await failureOf(refresh())).toMatchObject({ code: 'NoNode' })
    for (const { nodeId } of nodes) await cluster.registerNode(nodeId)
  })
})

describe('started by hand', () => {
  test('with nothing at all does what the schedule does', async () => {
    const handle = await cluster.client.workflow.start('refreshCache', {
      taskQueue: CONTROL_QUEUE,
      workflowId: uniqueName('mine'),
      args: [],
    })
    expect(await handle.result()).toMatchObject({ outcome: 'refreshed' })
    expect(nodes[0]!.cache.verified).toEqual([{ sampleBytes: 10_000_000_000, repair: true }])
  })

  test.each([
    [{ evicts: true }, 'evicts: is not a known field'],
    [{ follow: [{ model: '../x' }] }, 'follow.0.model: must be a repository'],
    [{ prewarm: [{ model: 'org/name', reason: 'x' }] }, 'prewarm.0.reason: is not a known field'],
    [{ policy: { freeHigh: 0.5 } }, 'policy.freeHigh: must not be below freeLow'],
    [{ verifySampleBytes: -1 }, 'verifySampleBytes: must be 0 or higher'],
  ])('refuses %o before it does anything', async (input, message) => {
    const handle = await cluster.client.workflow.start('refreshCache', {
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

describe('the schedule', () => {
  afterEach(() => cluster.aim.unscheduleRefresh())

  test('is created, changed in place, and taken away', async () => {
    expect(await cluster.aim.cacheSchedule()).toBeNull()
    const made = await cluster.aim.scheduleRefresh({ every: 6 * 3_600_000 }, { evict: false })
    expect(made).toMatchObject({ id: 'aim-cache-refresh', every: 6 * 3_600_000, cron: null, paused: false, request: { evict: false } })
    expect(made.nextRuns.length).toBeGreaterThan(0)
    await cluster.client.schedule.getHandle('aim-cache-refresh').pause('the network is being mended')
    const changed = await cluster.aim.scheduleRefresh({ cron: '0 3 * * *' }, {})
    expect(changed).toMatchObject({
      every: null,
      cron: '0 3 * * *',
      paused: true,
      note: 'the network is being mended',
      request: { evict: true },
    })
    expect(await cluster.aim.cacheSchedule()).toEqual(changed)
    expect(await cluster.aim.unscheduleRefresh()).toBe(true)
    expect(await cluster.aim.unscheduleRefresh()).toBe(false)
    expect(await cluster.aim.cacheSchedule()).toBeNull()
  })

  test('refuses a time that is none, and changes nothing', async () => {
    const cron = await failureOf(cluster.aim.scheduleRefresh({ cron: 'every night' }, {}))
    expect(cron).toMatchObject({ code: 'InvalidInput', details: { field: 'cron' } })
    expect(await failureOf(cluster.aim.scheduleRefresh({ every: 1_000 }, {}))).toMatchObject({ details: { field: 'every' } })
    expect(await cluster.aim.cacheSchedule()).toBeNull()
  })

  test('starts a refresh that says by what it was started', async () => {
    await cluster.aim.scheduleRefresh({ every: 3_600_000 }, { verifySampleBytes: 0 })
    await cluster.client.schedule.getHandle('aim-cache-refresh').trigger()
    await until(async () => (await cluster.records.history(null))[0]?.workflowId.startsWith('refresh/scheduled') ?? false)
    const [record] = await cluster.records.history(null)
    expect(record).toMatchObject({ kind: 'refresh', actor: expect.stringMatching(/^temporal-scheduler-.*-aim-cache-refresh$/) as unknown })
    await until(async () => (await cluster.records.history(null))[0]?.state === 'refreshed')
    expect((await cluster.aim.cacheSchedule())?.lastRuns).toMatchObject([{ workflowId: record!.workflowId }])
  })
})

const PARALLEL = { tensor: 1, pipeline: 1, data: 1, expert: false }
