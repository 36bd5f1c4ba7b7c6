import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { DeployInput } from '../../src/contracts/deploy.js'
import { AimError } from '../../src/contracts/errors.js'
import { CONTROL_QUEUE } from '../../src/contracts/task-queues.js'
import { until } from '../support/wait-for.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { COMMIT, uniqueName } from '../support/fakes.js'

let cluster: TestCluster
let endpoint: string
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
beforeEach(() => {
  endpoint = uniqueName('chat')
  cluster.machine.startsAs = 'answers'
  cluster.weights.ensuring = null
})
afterEach(() => vi.restoreAllMocks())

const start = (change: Partial<DeployInput> = {}) => cluster.aim.deploy({ endpoint, model: 'org/name', ...change })
const deploy = async (change: Partial<DeployInput> = {}) => (await start(change)).result()
const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('should have failed'),
    (error: unknown) => error,
  )
/** Work that ends only when it is called off. */
const untilCancelled = async (signal?: AbortSignal) => {
  await once(signal ?? new EventTarget(), 'abort')
  signal?.throwIfAborted()
}
const exists = () =>
  cluster.aim.endpoint(endpoint).then(
    () => true,
    () => false,
  )

describe('a deploy', () => {
  test('ends with an engine that answered, owned by the endpoint and kept in the history', async () => {
    const result = await deploy()
    expect(result).toMatchObject({
      outcome: 'deployed',
      revision: 1,
      recipe: 'any/llamacpp-cpu',
      node: cluster.nodeId,
      cache: 'hit',
      model: { commit: COMMIT },
    })
    expect(result.proof).toMatchObject({ text: 'hello' })
    const { view } = await cluster.aim.endpoint(endpoint)
    expect(view).toMatchObject({
      phase: 'serving',
      operation: null,
      revision: { revision: 1, deployedBy: 'tester@bench' },
      replica: { url: result.url },
    })
    expect(await cluster.records.history(endpoint)).toMatchObject([
      { state: 'deployed', revision: 1, actor: 'tester@bench', attempts: [{ outcome: 'ready' }] },
    ])
  })

  test('repeated with the same request changes nothing and proves the engine again', async () => {
    await deploy()
    const again = await deploy()
    expect(again).toMatchObject({ outcome: 'unchanged', revision: 1 })
    expect(cluster.machine.running(endpoint)).toHaveLength(1)
    expect((await cluster.aim.endpoint(endpoint)).view?.operation).toBeNull()
  })

  test('with another request takes the old engine’s place and its port', async () => {
    const first = await deploy()
    const second = await deploy({ context: 4096 })
    expect(second).toMatchObject({ outcome: 'deployed', revision: 2, url: first.url })
    expect(cluster.machine.running(endpoint).map(({ spec }) => spec.context)).toEqual([4096])
  })

  test('asks the nodes that have its model for it, and says what came from where', async () => {
    const sources = { hub: 10, peer: 90 }
    const weights = { repo: 'org/name', commit: COMMIT, path: '/weights', bytes: 100, fetchedBytes: 100, sources, cache: 'miss' } as const
    const ensure = vi.spyOn(cluster.weights, 'ensure').mockResolvedValue(weights)
    const has = await cluster.addNode({ cachedModels: ['org/name'], backends: [] })
    const hasNot = await cluster.addNode({ backends: [] })
    const handle = await start()
    expect(await handle.result()).toMatchObject({ cache: 'miss', weights: { bytes: 100, fetchedBytes: 100, sources } })
    const { steps } = await handle.progress()
    expect(steps.find(({ step }) => step === 'warm')?.detail).toBe('cache miss: 100 B, 100 B fetched (hub 10 B, peer 90 B)')
    // Also where the request names the node, so that the others were not asked before.
    await deploy({ node: cluster.nodeId, context: 4096 })
    const peers = [{ nodeId: has.nodeId, url: `http://${has.nodeId}.test` }]
    expect(ensure.mock.calls.map(([, , options]) => options)).toMatchObject([
      { peers, endpoint },
      { peers, endpoint },
    ])
    for (const { nodeId, leave } of [has, hasNot]) {
      await cluster.forgetNode(nodeId)
      await leave()
    }
  })

  test('that only plans starts nothing', async () => {
    const planned = await deploy({ dryRun: true })
    expect(planned).toMatchObject({ outcome: 'planned', url: null, plan: { candidates: [{ recipe: 'any/llamacpp-cpu' }] } })
    expect(cluster.machine.running(endpoint)).toEqual([])
    expect(await exists()).toBe(false)
  })
})

describe('a failed deploy', () => {
  test('leaves no engine, no partial file and no endpoint, and its attempt stays in the history', async () => {
    cluster.machine.startsAs = 'exits'
    const error = await failureOf(deploy())
    expect(error).toMatchObject({ code: 'EngineExited', details: { how: 'exit code 1', lastLine: 'boom' } })
    expect((await cluster.machine.list()).filter(({ key }) => key.endpoint === endpoint)).toEqual([])
    expect(cluster.weights.discarded).toContain('org/name')
    await until(async () => !(await exists()))
    const [record] = await cluster.records.history(endpoint)
    expect(record).toMatchObject({ state: 'failed', error: { code: 'EngineExited' }, attempts: [{ outcome: 'failed', logTail: ['boom'] }] })
  })

  test('of a new revision brings the old one back', async () => {
    const first = await deploy()
    cluster.machine.startsAs = 'exits'
    const second = start({ context: 4096 })
    await failureOf((await second).result().finally(() => (cluster.machine.startsAs = 'answers')))
    await until(async () => (await cluster.aim.endpoint(endpoint)).view?.phase === 'serving')
    const { view } = await cluster.aim.endpoint(endpoint)
    expect(view).toMatchObject({ revision: { revision: 1 }, replica: { url: first.url } })
    expect(cluster.machine.running(endpoint).map(({ spec }) => spec.context)).toEqual([undefined])
  })

  test('tells the cause, not Temporal’s wrapping', async () => {
    vi.spyOn(cluster.hub, 'pin').mockRejectedValue(new AimError('HubAuth', { hub: 'hub', model: 'org/name', reason: 'gated' }))
    expect(await failureOf(deploy())).toMatchObject({ code: 'HubAuth', message: 'hub refuses org/name: gated' })
  })

  test('of a backend that no recipe offers says why each recipe was dropped', async () => {
    expect(await failureOf(deploy({ backend: 'vllm' }))).toMatchObject({
      code: 'NoCandidate',
      message: expect.stringContaining('backend vllm was asked for'),
    })
  })

  test('that has to leave the only node that answers says so', async () => {
    const repair = { why: 'a drain', avoid: [{ node: cluster.nodeId, gpus: [] }], gone: false }
    expect(await failureOf(deploy({ repair }))).toMatchObject({
      code: 'NoCandidate',
      message: `no recipe fits: no node answers besides ${cluster.nodeId}, which it has to leave`,
    })
  })

  test('on a node that does not exist says so', async () => {
    expect(await failureOf(deploy({ node: 'nowhere' }))).toMatchObject({
      code: 'NoSuchNode',
      message: 'node nowhere does not exist',
    })
  })
})

describe('one operation per endpoint', () => {
  test('the same request joins the deploy that runs; another one is refused with its id', async () => {
    let release = () => {}
    cluster.weights.ensuring = () => new Promise<void>((resolve) => (release = resolve))
    const first = await start()
    await until(async () => (await first.progress()).steps.some(({ step, state }) => step === 'warm' && state === 'running'))
    const second = await start()
    expect(second).toMatchObject({ attached: true, runId: first.runId })
    expect(await failureOf(start({ context: 4096 }))).toMatchObject({
      code: 'OperationInProgress',
      details: { workflowId: `deploy/${endpoint}` },
    })
    const byHand = await cluster.client.workflow.start('deployModel', {
      taskQueue: CONTROL_QUEUE,
      workflowId: uniqueName('mine'),
      args: [{ endpoint, model: 'org/name' }],
    })
    const other = await cluster.client.workflow.start('deployModel', {
      taskQueue: CONTROL_QUEUE,
      workflowId: uniqueName('mine'),
      args: [{ endpoint, model: 'org/other' }],
    })
    await expect(other.result()).rejects.toMatchObject({
      cause: { message: expect.stringContaining(`held by another operation: deploy/${endpoint}`) },
    })
    release()
    await until(() => (release(), cluster.machine.running(endpoint).length > 0))
    expect(await byHand.result()).toMatchObject({ endpoint, url: (await first.result()).url })
    expect(cluster.machine.running(endpoint)).toHaveLength(1)
  })

  test('a deploy that is terminated by hand gives the lock back', async () => {
    cluster.weights.ensuring = untilCancelled
    const first = await start()
    await until(async () => (await first.progress()).steps.some(({ step, state }) => step === 'warm' && state === 'running'))
    await cluster.client.workflow.getHandle(first.workflowId).terminate('by hand')
    cluster.weights.ensuring = null
    await until(async () => !(await exists()))
    expect(await deploy({ context: 4096 })).toMatchObject({ outcome: 'deployed' })
  })
})

describe('a deploy that is terminated by hand', () => {
  const atStep = (handle: { progress(): Promise<{ steps: { step: string; state: string }[] }> }, name: string) =>
    until(async () => (await handle.progress()).steps.some(({ step, state }) => step === name && state === 'running'))

  test('after the launch: its engine is stopped, and its record is closed', async () => {
    cluster.machine.startsAs = 'silent'
    const handle = await start()
    await atStep(handle, 'ready')
    expect(cluster.machine.running(endpoint)).toHaveLength(1)
    await cluster.client.workflow.getHandle(handle.workflowId).terminate('by hand')
    await until(async () => !(await exists()))
    expect(cluster.machine.running(endpoint)).toEqual([])
    expect(await cluster.records.history(endpoint)).toMatchObject([{ state: 'failed', error: { code: 'Terminated' } }])
  })

  test('in the middle of a replacement: the old revision serves again on its port', async () => {
    const first = await deploy()
    cluster.machine.startsAs = 'silent'
    const second = await start({ context: 4096 })
    await atStep(second, 'ready')
    await cluster.client.workflow.getHandle(second.workflowId).terminate('by hand')
    cluster.machine.startsAs = 'answers'
    await until(async () => (await cluster.aim.endpoint(endpoint)).view?.phase === 'serving')
    const { view } = await cluster.aim.endpoint(endpoint)
    expect(view).toMatchObject({ operation: null, revision: { revision: 1 }, replica: { url: first.url } })
    expect(cluster.machine.running(endpoint).map(({ spec }) => spec.context)).toEqual([undefined])
  })
})

test('a deploy that waits for another one fails with that one’s reason', async () => {
  let fail = () => {}
  cluster.weights.ensuring = () =>
    new Promise((_, reject) => (fail = () => reject(new AimError('DiskFull', { path: '/', needed: 2, free: 1 }))))
  const first = await start()
  await until(async () => (await first.progress()).steps.some(({ step, state }) => step === 'warm' && state === 'running'))
  const args = [{ endpoint, model: 'org/name' }]
  const second = await cluster.client.workflow.start('deployModel', { taskQueue: CONTROL_QUEUE, workflowId: uniqueName('mine'), args })
  await until(
    async () => (await second.describe()).raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'awaitResult') ?? false,
  )
  fail()
  expect(await failureOf(first.result())).toMatchObject({ code: 'DiskFull' })
  await expect(second.result()).rejects.toMatchObject({ cause: { type: 'DiskFull' } })
})

test('more deploys at the same time than the worker has slots all end', async () => {
  const names = Array.from({ length: 6 }, () => uniqueName('many'))
  const results = await Promise.all(names.map(async (name) => (await cluster.aim.deploy({ endpoint: name, model: 'org/name' })).result()))
  expect(results.map(({ outcome }) => outcome)).toEqual(names.map(() => 'deployed'))
})

describe('undeploy', () => {
  test('stops the engine also when its node is not registered any more', async () => {
    await deploy()
    await cluster.client.workflow.getHandle(`node/${cluster.nodeId}`).terminate('by hand')
    const stopped = await (await cluster.aim.undeploy({ endpoint })).result()
    await cluster.comeBack()
    expect(stopped).toMatchObject({ outcome: 'stopped', stopped: [{ node: cluster.nodeId }], silent: [] })
    expect(cluster.machine.running(endpoint)).toEqual([])
  })

  test('stops the engine and ends the endpoint', async () => {
    await deploy()
    const stopped = await (await cluster.aim.undeploy({ endpoint })).result()
    expect(stopped).toMatchObject({ outcome: 'stopped', stopped: [{ node: cluster.nodeId }] })
    expect(cluster.machine.running(endpoint)).toEqual([])
    await until(async () => !(await exists()))
  })

  test('tells the node’s cache once that the endpoint needs its weights no more', async () => {
    const told = () => cluster.ledger.events.filter((event) => event.kind === 'released' && event.endpoint === endpoint)
    await deploy()
    // What the weight store writes down when somebody asks it for a model.
    const asked = { kind: 'asked', at: '', repo: 'org/name', commit: COMMIT, outcome: 'hit', bytes: 1, fetchedBytes: 0, ms: 1 } as const
    cluster.ledger.events.push({ ...asked, endpoint }, { ...asked, endpoint: 'another' })
    await (await cluster.aim.undeploy({ endpoint })).result()
    expect(told()).toHaveLength(1)
    await (await cluster.aim.undeploy({ endpoint })).result()
    expect(told()).toHaveLength(1)
  })

  test('of an endpoint that is not there is no failure', async () => {
    expect(await (await cluster.aim.undeploy({ endpoint })).result()).toMatchObject({ outcome: 'absent', stopped: [] })
    await until(async () => !(await exists()))
  })

  test('cancels a deploy that is under way, which undoes what it did', async () => {
    cluster.weights.ensuring = untilCancelled
    const first = await start()
    await until(async () => (await first.progress()).steps.some(({ step, state }) => step === 'warm' && state === 'running'))
    const deployed = failureOf(first.result())
    expect(await (await cluster.aim.undeploy({ endpoint })).result()).toMatchObject({ outcome: 'absent' })
    expect(await deployed).toMatchObject({ code: 'Cancelled' })
    expect(cluster.machine.started.filter((name) => name.includes(`/${endpoint}/`))).toEqual([])
  })

  test('a revision number is not given twice, even after the endpoint was gone', async () => {
    await deploy()
    await (await cluster.aim.undeploy({ endpoint })).result()
    expect(await deploy()).toMatchObject({ outcome: 'deployed', revision: 2 })
  })
})

describe('a workflow started by hand', () => {
  test.each([
    ['deployModel', { endpoint: 'x', model: 'org/name', gpu: 8 }, 'gpu: is not a known field'],
    ['deployModel', { endpoint: 'x', model: '../../etc' }, 'model: must be a repository `org/name`'],
    ['deployModel', { endpoint: 'x', model: 'org/name', backend: 'tgi' }, 'backend: Invalid option'],
    ['deployModel', undefined, 'input: Invalid input: expected object'],
    ['undeployModel', { endpoint: 'a b' }, 'endpoint: must be 1 to 63'],
    ['superviseEndpoint', { endpoint: '../x' }, 'endpoint: must be 1 to 63'],
    ['superviseEndpoint', { endpoint: 'x', carried: 'nonsense' }, 'carried: Invalid input: expected object'],
    ['manageNode', { nodeId: '' }, 'nodeId: must be 1 to 63'],
  ])('%s refuses %o before it does anything', async (type, input, message) => {
    const handle = await cluster.client.workflow.start(type, { taskQueue: CONTROL_QUEUE, workflowId: uniqueName('bad'), args: [input] })
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'InvalidInput', nonRetryable: true, message: expect.stringContaining(message) },
    })
    const { events } = await handle.fetchHistory()
    expect(events?.some((event) => event.activityTaskScheduledEventAttributes)).toBe(false)
  })
})
