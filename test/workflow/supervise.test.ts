import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { until } from '../support/wait-for.js'
import { CONTROL_QUEUE } from '../../src/contracts/task-queues.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { uniqueName } from '../support/fakes.js'

let cluster: TestCluster
let endpoint: string
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
beforeEach(async () => {
  endpoint = uniqueName('chat')
  cluster.machine.startsAs = 'answers'
  await (await cluster.aim.deploy({ endpoint, model: 'org/name' })).result()
})

const view = async () => (await cluster.aim.endpoint(endpoint)).view

test('an engine that dies is started again on its port, under its next key', async () => {
  const before = await view()
  cluster.machine.kill(endpoint)
  await until(async () => (await view())?.restarts === 1)
  const after = await view()
  expect(after).toMatchObject({
    phase: 'serving',
    reason: null,
    replica: { url: before?.replica?.url, key: { launch: 2 } },
    lastRestart: { why: 'engine ended: SIGKILL' },
  })
  expect(cluster.machine.running(endpoint)).toHaveLength(1)
})

test('an engine that cannot start any more is left alone after some tries, with the reason, and can be deployed again', async () => {
  cluster.machine.startsAs = 'exits'
  cluster.machine.kill(endpoint)
  await until(async () => (await view())?.phase === 'degraded')
  expect((await view())?.reason).toMatch(/^crash loop: the engine ended before it was ready .*boom/)
  cluster.machine.startsAs = 'answers'
  expect(await (await cluster.aim.deploy({ endpoint, model: 'org/name' })).result()).toMatchObject({ outcome: 'deployed', revision: 2 })
  expect(await view()).toMatchObject({ phase: 'serving', reason: null })
}, 90_000)

test('stopping while the engine is being restarted leaves nothing running', async () => {
  cluster.machine.startsAs = 'silent'
  cluster.machine.kill(endpoint)
  await until(async () => (await view())?.phase === 'restarting')
  await (await cluster.aim.undeploy({ endpoint })).result()
  expect(cluster.machine.running(endpoint)).toEqual([])
})

test('a run that goes on from another one’s state proves an engine that was just started, then keeps it alive', async () => {
  const name = uniqueName('carried')
  const key = { namespace: cluster.namespace, endpoint: name, replica: 0, fence: 7, launch: 3 }
  const parallel = { tensor: 1, pipeline: 1, data: 1, expert: false }
  const engine = { backend: 'llamacpp', servedName: name, modelPath: '/weights', port: 9_500, gpus: [], args: {}, env: {} } as const
  const spec = { ...engine, parallel, settings: {} }
  await cluster.machine.launch(key, { ...spec, gpus: [] })
  const replica = { key, nodeId: cluster.nodeId, spec, url: 'http://127.0.0.1:9500', pid: 1, weightBytes: 100 }
  const revision = {
    revision: 4,
    model: 'org/name',
    commit: 'a'.repeat(40),
    recipe: 'r',
    specFingerprint: 's',
    deployedAt: '',
    deployedBy: 'me',
    request: { endpoint: name, model: 'org/name' },
  }
  const none = { operation: null, standingDown: false, retired: false, lastRestart: null, degraded: false }
  const restarting = { restarts: 0, failures: 1, provedAtMs: null, downSinceMs: Date.now(), reason: 'engine ended: SIGKILL' }
  await cluster.client.workflow.start('superviseEndpoint', {
    taskQueue: CONTROL_QUEUE,
    workflowId: `endpoint/${name}`,
    args: [{ endpoint: name, carried: { ...none, ...restarting, fence: 7, revision, replica } }],
  })
  await until(async () => (await cluster.aim.endpoint(name)).view?.phase === 'serving')
  expect((await cluster.aim.endpoint(name)).view).toMatchObject({ restarts: 1, reason: null, replica: { key: { launch: 3 } } })
  cluster.machine.kill(name)
  await until(async () => (await cluster.aim.endpoint(name)).view?.restarts === 2)
  expect(cluster.machine.running(name)).toHaveLength(1)
})

test('messages that make no sense change nothing, and are no end of the watch', async () => {
  const handle = cluster.client.workflow.getHandle(`endpoint/${endpoint}`)
  await handle.signal('node')
  await handle.signal('node', { nodeId: cluster.nodeId, presence: 'asleep' })
  for (const name of ['beginOperation', 'standDown', 'adoptReplica', 'endOperation']) {
    await expect(handle.executeUpdate(name, { args: [{ workflowId: 'by hand' }] })).rejects.toMatchObject({
      cause: { type: 'InvalidInput' },
    })
  }
  expect(await view()).toMatchObject({ phase: 'serving', presence: 'ready', operation: null })
  cluster.machine.kill(endpoint)
  await until(async () => (await view())?.restarts === 1)
})

test('what a deploy hands over is carried to the next run, on simulated hardware too', async () => {
  const node = await cluster.addNode({ simulated: true })
  const name = uniqueName('simulated')
  await (await cluster.aim.deploy({ endpoint: name, model: 'org/name', node: node.nodeId })).result()
  const handle = cluster.client.workflow.getHandle(`endpoint/${name}`)
  const { runId } = await handle.describe()
  const news = { nodeId: 'elsewhere', presence: 'ready', instance: null, drain: false }
  for (let sent = 0; sent <= 1_000; sent += 50) await Promise.all(Array.from({ length: 50 }, () => handle.signal('node', news)))
  await until(async () => (await handle.describe()).runId !== runId)
  expect((await cluster.aim.endpoint(name)).view).toMatchObject({ phase: 'serving', replica: { simulated: true } })
  node.machine.kill(name)
  await until(async () => (await cluster.aim.endpoint(name)).view?.restarts === 1)
}, 60_000)
