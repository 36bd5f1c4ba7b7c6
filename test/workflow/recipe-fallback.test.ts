import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { DeployInput } from '../../src/contracts/deploy.js'
import { AimError } from '../../src/contracts/errors.js'
import { APPROVE_UPDATE, REJECT_UPDATE, STEP_SIGNAL } from '../../src/contracts/fallback.js'
import { NODE_QUERY, NODE_SIGNAL, NODE_UPDATES, type NodeView } from '../../src/contracts/node-owner.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { fakeProbe, fakeRecipes, uniqueName } from '../support/fakes.js'
import { CARD, MODEL, gpuNode, pinOfModel } from '../support/gpu-model.js'
import { until } from '../support/wait-for.js'

let cluster: TestCluster
let endpoint: string

/** A node of four cards, one model in bf16 and fp8, and recipes for any number of them. */
function onGpus() {
  vi.spyOn(fakeProbe, 'inspect').mockImplementation(async () => gpuNode(4))
  vi.spyOn(fakeRecipes, 'hardware').mockImplementation(async () => [CARD])
  vi.spyOn(fakeRecipes, 'models').mockImplementation(async () => [MODEL])
}
beforeAll(async () => {
  onGpus()
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
beforeEach(() => {
  onGpus()
  vi.spyOn(cluster.hub, 'pin').mockImplementation(pinOfModel)
  endpoint = uniqueName('chat')
  cluster.machine.startsAs = 'answers'
  cluster.machine.dies = () => null
  cluster.weights.ensuring = null
})
afterEach(async () => {
  cluster.weights.ensuring = null
  await (await cluster.aim.undeploy({ endpoint })).result()
  vi.restoreAllMocks()
})

const start = (change: Partial<DeployInput> = {}) => cluster.aim.deploy({ endpoint, model: 'org/model', backend: 'vllm', ...change })
const deploy = async (change: Partial<DeployInput> = {}) => (await start(change)).result()
const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('should have failed'),
    (error: unknown) => error,
  )
const viewOf = (nodeId = cluster.nodeId) => cluster.client.workflow.getHandle(`node/${nodeId}`).query<NodeView>(NODE_QUERY)
const leasesOf = async (nodeId?: string) => (await viewOf(nodeId)).leases.filter((lease) => lease.endpoint === endpoint)
const operationOf = () =>
  cluster.aim.endpoint(endpoint).then(
    ({ view }) => view?.operation ?? null,
    () => null, // the endpoint is gone
  )
const attemptsOf = async () => {
  const [record] = await cluster.records.history(endpoint)
  return record?.attempts.map(({ number, failure, outcome }) => [number, failure ?? outcome])
}
const atStep = (handle: { progress(): Promise<{ steps: { step: string; state: string }[] }> }, name: string) =>
  until(async () => (await handle.progress()).steps.some(({ step, state }) => step === name && state === 'running'))
const untilCancelled = async (signal?: AbortSignal) => {
  await once(signal ?? new EventTarget(), 'abort')
  signal?.throwIfAborted()
}
const nothingIsLeft = async () => {
  await until(async () => (await leasesOf()).length === 0)
  await until(() => cluster.machine.running(endpoint).length === 0)
}

const FAULT = 'Memory access fault by GPU node-2 on address 0x7f'
const UNSUPPORTED = 'Quantization scheme is not supported for the current GPU'
const OOM = 'Failed to load model - not enough GPU memory'

describe('the next candidate', () => {
  test('after the first one’s failure serves, under a bound lease, and both tries are told', async () => {
    const seen: number[][] = []
    cluster.machine.dies = ({ gpus }) => (seen.push(gpus), seen.length === 1 ? OOM : null)
    const result = await deploy({ gpus: undefined })
    expect(result).toMatchObject({ outcome: 'deployed', attempts: 2, gaveUp: null })
    expect(await attemptsOf()).toEqual([
      [1, 'oom_weights'],
      [2, 'ready'],
    ])
    expect(cluster.machine.running(endpoint)).toHaveLength(1)
    await until(async () => (await leasesOf()).every(({ state }) => state === 'bound'))
    const [lease, ...others] = await leasesOf()
    expect(others).toEqual([])
    expect(lease?.gpus).toEqual(result.gpus)
    expect(cluster.machine.running(endpoint)[0]?.key.fence).toBe(lease?.fence)
  })

  test('gets around a GPU that faults, which is quarantined', async () => {
    const seen: number[][] = []
    cluster.machine.dies = ({ gpus }) => (seen.push(gpus), seen.length === 1 ? FAULT : null)
    const result = await deploy({ gpus: 1 })
    const [faulted = [], ...others] = seen
    const { quarantined } = await viewOf()
    for (const { gpu } of quarantined) {
      await cluster.client.workflow.getHandle(`node/${cluster.nodeId}`).executeUpdate(NODE_UPDATES.clear, { args: [{ gpu }] })
    }
    expect(quarantined.map(({ gpu }) => gpu)).toEqual(faulted)
    expect(quarantined[0]?.reason).toContain('gpu_fault')
    expect(others).toEqual([result.gpus])
    expect(result.gpus).not.toEqual(faulted)
  })

  test('gets around several GPUs of which one faults, and nobody knows which: none is quarantined', async () => {
    const seen: number[][] = []
    cluster.machine.dies = ({ gpus }) => (seen.push(gpus), seen.length === 1 ? FAULT : null)
    const result = await deploy({ gpus: 2 })
    const [faulted = []] = seen
    expect(faulted).toHaveLength(2)
    expect((await viewOf()).quarantined).toEqual([])
    expect(result.gpus.filter((gpu) => faulted.includes(gpu))).toEqual([])
  })

  test('is none where no fallback was asked for: the failure is the first one’s', async () => {
    cluster.machine.dies = () => OOM
    expect(await failureOf(deploy({ fallback: { mode: 'none' } }))).toMatchObject({
      code: 'EngineExited',
      details: { failure: 'oom_weights' },
    })
    expect(await attemptsOf()).toHaveLength(1)
    await nothingIsLeft()
  })

  test('is not looked for beyond the budget: all reasons are told', async () => {
    cluster.machine.dies = () => 'no known words'
    const error = await failureOf(deploy({ fallback: { budget: { attempts: 2 } } }))
    expect(error).toMatchObject({ code: 'FallbackExhausted', message: expect.stringContaining('2 tries were allowed') })
    expect(await attemptsOf()).toHaveLength(2)
    await nothingIsLeft()
  })

  test('may be the same again, after a pause', async () => {
    let starts = 0
    const { launch } = cluster.machine
    vi.spyOn(cluster.machine, 'launch').mockImplementation(async (key, spec) => {
      starts += 1
      if (starts === 1) throw new AimError('PortTaken', { port: 1, host: 'h' })
      return launch.call(cluster.machine, key, spec)
    })
    const before = Date.now()
    expect(await deploy()).toMatchObject({ outcome: 'deployed', attempts: 2 })
    expect(Date.now() - before).toBeGreaterThan(1_000)
  })
})

describe('a person is asked', () => {
  const asking = { fallback: { mode: 'any', approval: { required: true, minutes: 1 } } } as const
  const asked = async (change: Partial<DeployInput> = {}) => {
    cluster.machine.dies = (_, key) => (firstOnly.delete(key.endpoint) ? UNSUPPORTED : null)
    const firstOnly = new Set([endpoint])
    const handle = await start({ ...asking, ...change })
    await until(async () => (await handle.progress()).approval !== undefined)
    const { approval } = await handle.progress()
    return { handle, approval, child: cluster.client.workflow.getHandle(approval?.workflowId ?? '') }
  }

  test('before the precision drops: after a yes it does, and the result says so', async () => {
    const { handle, approval, child } = await asked()
    expect(approval?.question).toContain('precision fp8 instead of bf16')
    expect(await leasesOf()).toEqual([])
    const other = { question: 'hardware MI210 instead of MI300X (r on n)', by: 'ann' }
    await expect(child.executeUpdate(APPROVE_UPDATE, { args: [other] })).rejects.toMatchObject({
      cause: { type: 'InvalidInput', message: expect.stringContaining(`question: must be what is asked now: ${approval?.question}`) },
    })
    await expect(child.executeUpdate(APPROVE_UPDATE, { args: [{ by: 'ann' }] })).rejects.toMatchObject({ cause: { type: 'InvalidInput' } })
    await child.executeUpdate(APPROVE_UPDATE, { args: [{ question: approval?.question, by: 'ann' }] })
    expect(await handle.result()).toMatchObject({
      outcome: 'deployed',
      model: { repo: 'org/model-fp8' },
      gaveUp: expect.stringContaining('fp8'),
    })
    expect((await handle.progress()).approval).toBeUndefined()
  })

  test('a no ends it with the reason', async () => {
    const { handle, approval, child } = await asked()
    await child.executeUpdate(REJECT_UPDATE, { args: [{ question: approval?.question, by: 'ann', reason: 'not in production' }] })
    expect(await failureOf(handle.result())).toMatchObject({
      code: 'ApprovalRejected',
      message: expect.stringContaining('ann: not in production'),
    })
    await nothingIsLeft()
  })

  test('no answer within the time is a no', async () => {
    const { handle } = await asked({ fallback: { mode: 'any', approval: { required: true, minutes: 0.02 } } })
    expect(await failureOf(handle.result())).toMatchObject({
      code: 'ApprovalRejected',
      message: expect.stringContaining('nobody answered'),
    })
  })

  test('an answer that nobody waits for is refused', async () => {
    cluster.machine.startsAs = 'silent'
    const handle = await start()
    await atStep(handle, 'ready')
    const child = cluster.client.workflow.getHandle(`${handle.workflowId}/fallback/1`)
    await expect(child.executeUpdate(APPROVE_UPDATE, { args: [{ question: 'any', by: 'ann' }] })).rejects.toMatchObject({
      cause: { type: 'NotFound' },
    })
    await expect(child.executeUpdate(APPROVE_UPDATE, { args: [{}] })).rejects.toThrow('Workflow Update failed')
    await cluster.client.workflow.getHandle(handle.workflowId).cancel()
    await failureOf(handle.result())
  })
})

describe('leases', () => {
  test('a GPU that others took since the plan leads to a new plan', async () => {
    const { plan } = await deploy({ dryRun: true, gpus: 1 })
    const [gpu = 0] = plan.candidates[0]?.gpus ?? []
    const owner = { workflowId: 'somebody', runId: 'else' }
    const node = cluster.client.workflow.getHandle(`node/${cluster.nodeId}`)
    const claim = { endpoint: 'another', replica: 0, gpus: [gpu], owner }
    // Taken between the look that the plan is made from and the lease that it asks for.
    let planned = false
    vi.spyOn(fakeRecipes, 'hardware').mockImplementation(async () => {
      if (!planned) {
        planned = true
        await node.executeUpdate(NODE_UPDATES.lease, { args: [claim] })
      }
      return [CARD]
    })
    const handle = await start({ gpus: 1 })
    const result = await handle.result()
    expect(result).toMatchObject({ outcome: 'deployed', attempts: 1 })
    expect(result.gpus).not.toContain(gpu)
    const walk = (number: number) => cluster.client.workflow.getHandle(`${handle.workflowId}/fallback/${number}`).result()
    expect(await walk(1)).toMatchObject({ outcome: 'conflict', ready: null, tried: [] })
    expect(await walk(2)).toMatchObject({ outcome: 'ready', ready: { candidate: { gpus: result.gpus } } })
    await node.executeUpdate(NODE_UPDATES.giveBack, { args: [{ endpoint: 'another' }] })
  })

  test('a node that is lost in the middle is left at once, and nothing there is waited for', async () => {
    cluster.weights.ensuring = untilCancelled
    const handle = await start()
    await atStep(handle, 'warm')
    await until(async () => (await leasesOf()).length > 0)
    const news = { nodeId: cluster.nodeId, presence: 'lost', instance: null, drain: false }
    await cluster.client.workflow.getHandle(handle.workflowId).signal(NODE_SIGNAL, news)
    expect(await failureOf(handle.result())).toMatchObject({ code: 'NodeLost' })
    expect(await attemptsOf()).toEqual([[1, 'NodeLost']])
    await nothingIsLeft()
  })
})

describe('what a deploy is told', () => {
  test('and cannot pass on, because it is cancelled, keeps none of its undos from running', async () => {
    let release = () => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    cluster.weights.ensuring = async (signal) => {
      await once(signal ?? new EventTarget(), 'abort')
      await released
      signal?.throwIfAborted()
    }
    const handle = await start()
    await atStep(handle, 'warm')
    await until(async () => (await leasesOf()).length > 0)
    const run = cluster.client.workflow.getHandle(handle.workflowId)
    await run.cancel()
    await run.signal(NODE_SIGNAL, { nodeId: cluster.nodeId, presence: 'ready', instance: 'another', drain: false })
    await handle.progress() // a query is answered after what came before it
    expect((await run.describe()).status.name).toBe('RUNNING')
    release()
    expect(await failureOf(handle.result())).toMatchObject({ code: 'Cancelled' })
    await nothingIsLeft()
    expect(await operationOf()).toBeNull()
  })

  test.each([
    [NODE_SIGNAL, []],
    [NODE_SIGNAL, [{ nodeId: 'node' }]],
    [STEP_SIGNAL, []],
    [STEP_SIGNAL, [{ steps: 'warm' }]],
  ] as const)('%s with %j changes nothing', async (name, args) => {
    cluster.weights.ensuring = untilCancelled
    const handle = await start()
    await atStep(handle, 'warm')
    for (const workflowId of [handle.workflowId, `${handle.workflowId}/fallback/1`]) {
      if (workflowId === handle.workflowId || name === NODE_SIGNAL) {
        await cluster.client.workflow.getHandle(workflowId).signal(name, ...(args as [unknown]))
      }
    }
    expect((await handle.progress()).steps.find(({ step }) => step === 'warm')).toMatchObject({ state: 'running' })
    await cluster.client.workflow.getHandle(handle.workflowId).cancel()
    expect(await failureOf(handle.result())).toMatchObject({ code: 'Cancelled' })
    await nothingIsLeft()
  })
})

describe.each([
  ['warm', (): void => void (cluster.weights.ensuring = untilCancelled)],
  ['ready', (): void => void (cluster.machine.startsAs = 'silent')],
] as const)('ended by hand at %s', (step, hold) => {
  test.each(['cancel the deploy', 'terminate the deploy', 'terminate its child'] as const)(
    '%s: no engine and no lease is left',
    async (how) => {
      hold()
      const handle = await start()
      await atStep(handle, step)
      await until(async () => (await leasesOf()).length > 0)
      const parent = cluster.client.workflow.getHandle(handle.workflowId)
      if (how === 'cancel the deploy') await parent.cancel()
      else if (how === 'terminate the deploy') await parent.terminate('by hand')
      else await cluster.client.workflow.getHandle(`${handle.workflowId}/fallback/1`).terminate('by hand')
      await failureOf(handle.result())
      await nothingIsLeft()
      await until(async () => (await operationOf()) === null)
      cluster.weights.ensuring = null
      cluster.machine.startsAs = 'answers'
      expect(await deploy()).toMatchObject({ outcome: 'deployed' })
    },
  )
})

test('a replacement of which nothing starts brings the engine before back, on its port, under a lease of its own', async () => {
  const first = await deploy({ gpus: 1 })
  cluster.machine.dies = ({ context }) => (context === 4096 ? OOM : null)
  await failureOf(deploy({ gpus: 1, context: 4096 }))
  await until(async () => (await cluster.aim.endpoint(endpoint)).view?.phase === 'serving')
  const { view } = await cluster.aim.endpoint(endpoint)
  expect(view).toMatchObject({ revision: { revision: 1 }, replica: { url: first.url } })
  await until(async () => (await leasesOf()).length === 1)
  expect(await leasesOf()).toMatchObject([{ state: 'bound', fence: view?.replica?.key.fence }])
})

describe('while a replacement that failed once is looked for, the engine before serves', () => {
  const serves = () => until(async () => (await cluster.aim.endpoint(endpoint)).view?.phase === 'serving')
  const failsOnce = () => {
    let launches = 0
    cluster.machine.dies = ({ context }) => (context === 4096 && (launches += 1) === 1 ? OOM : null)
  }
  const oneBoundLease = async () => {
    await until(async () => (await leasesOf()).length === 1)
    const [engine, ...others] = cluster.machine.running(endpoint)
    expect(others).toEqual([])
    expect(await leasesOf()).toMatchObject([{ state: 'bound', fence: engine?.key.fence, gpus: engine?.spec.gpus }])
  }

  test('and the next try, which had to download, starts under a lease that is newer than that one’s', async () => {
    await deploy({ gpus: 1 })
    failsOnce()
    let downloads = 0
    cluster.weights.ensuring = async () => {
      if ((downloads += 1) === 2) await serves()
    }
    expect(await deploy({ gpus: undefined, context: 4096 })).toMatchObject({ outcome: 'deployed', attempts: 2 })
    expect(downloads).toBe(2)
    await oneBoundLease()
  })

  test('also while a new plan is made, because others took the GPUs of the next', async () => {
    vi.spyOn(fakeProbe, 'inspect').mockImplementation(async () => ({ ...gpuNode(4), cachedModels: ['org/model', 'org/model-fp8'] }))
    const { gpus: own } = await deploy({ gpus: 1 })
    failsOnce()
    const node = cluster.client.workflow.getHandle(`node/${cluster.nodeId}`)
    const claim = {
      endpoint: 'another',
      replica: 0,
      gpus: [0, 1, 2, 3].filter((gpu) => !own.includes(gpu)),
      owner: { workflowId: 'x', runId: 'y' },
    }
    let [plans, served] = [0, false]
    vi.spyOn(fakeRecipes, 'hardware').mockImplementation(async () => {
      if ((plans += 1) === 2) served = await serves().then(() => true)
      return [CARD]
    })
    cluster.weights.ensuring = () => node.executeUpdate(NODE_UPDATES.lease, { args: [claim] })
    const handle = await start({ gpus: undefined, context: 4096, fallback: { mode: 'meets' } })
    await failureOf(handle.result())
    await node.executeUpdate(NODE_UPDATES.giveBack, { args: [{ endpoint: 'another' }] })
    expect(served).toBe(true)
    await serves()
    await oneBoundLease()
  })
})

test('a port that something holds for good is given up after some tries, where nobody asked for it', async () => {
  const first = await deploy({ gpus: 1 })
  const port = Number(new URL(first.url ?? '').port)
  const old = cluster.machine.running(endpoint)[0]!
  const key = { ...old.key, endpoint: 'wedged', fence: Number.MAX_SAFE_INTEGER }
  cluster.machine.engines.set('wedged', { key, spec: { ...old.spec, gpus: [] }, state: old.state })
  try {
    const second = await deploy({ gpus: 1, context: 4096 })
    expect(second).toMatchObject({ outcome: 'deployed', attempts: 3 })
    expect(await attemptsOf()).toEqual([
      [1, 'PortTaken'],
      [2, 'PortTaken'],
      [3, 'ready'],
    ])
    expect(new URL(second.url ?? '').port).not.toBe(String(port))
  } finally {
    cluster.machine.engines.delete('wedged')
  }
})
