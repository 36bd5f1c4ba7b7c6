import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createProcessLauncher } from '../../src/adapters/launchers/process/index.js'
import { createNodeDesk } from '../../src/adapters/temporal/node-desk.js'
import { createNodeOwners } from '../../src/adapters/temporal/node-owners.js'
import { BIND_SIGNAL, NODE_QUERY, NODE_UPDATES, RELEASE_SIGNAL, type NodeNews, type NodeView } from '../../src/contracts/node-owner.js'
import { CONTROL_QUEUE } from '../../src/contracts/task-queues.js'
import type { EngineSpec } from '../../src/domain/engine.js'
import type { Claim, Owner } from '../../src/domain/lease.js'
import { newSupervision } from '../../workflows/endpoint-lock.js'
import { startChild, type Child } from '../support/children.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { uniqueName } from '../support/fakes.js'
import { aGpu } from '../support/gpus.js'
import type { ChildNode } from '../support/node-child.js'
import { temporalAddress } from '../support/temporal-address.js'
import { until, waitFor } from '../support/wait-for.js'

let cluster: TestCluster
let client: Client
let owners: ReturnType<typeof createNodeOwners>
let nodeId: string
let endpoint: string
const opened: Owner[] = []

beforeAll(async () => {
  cluster = await startCluster()
  client = cluster.client
  owners = createNodeOwners(client)
})
afterAll(async () => {
  for (const { workflowId } of opened) await end(workflowId)
  await cluster.stop()
})
beforeEach(async () => {
  endpoint = uniqueName('chat')
})

describe('a node that answers', () => {
  beforeEach(async () => {
    const gpus = [0, 1, 2, 3].map((index) => aGpu({ index, card: index }))
    nodeId = (await cluster.addNode({ gpus, labels: { zone: 'a' } })).nodeId
  })

  test('gives each GPU to one endpoint, under fences that grow', async () => {
    const one = await lease([0, 1])
    const other = await lease([2], { endpoint: uniqueName('other') })
    expect(one.outcome === 'granted' && other.outcome === 'granted' && other.fence > one.fence).toBe(true)
    expect(await lease([1, 3], { endpoint: uniqueName('third') })).toEqual({
      outcome: 'refused',
      why: `GPU 1 is leased to ${endpoint}, which is being deployed`,
    })
    await signal(BIND_SIGNAL, fenceOf(one))
    await until(async () => (await view()).leases.some(({ state }) => state === 'bound'))
    await signal(RELEASE_SIGNAL, fenceOf(one))
    expect(await lease([1, 3], { endpoint: uniqueName('third') })).toMatchObject({ outcome: 'granted' })
  })

  test('of two that ask for one GPU at the same time, one has it', async () => {
    const asked = await Promise.all([1, 2, 3, 4].map(() => lease([0], { endpoint: uniqueName('racer') })))
    expect(asked.map(({ outcome }) => outcome).toSorted()).toEqual(['granted', 'refused', 'refused', 'refused'])
  })

  test('keeps leases, fences, quarantine and cordon when its workflow goes on as a new run', async () => {
    const first = await lease([0])
    await owners.quarantine(nodeId, { gpu: 3, reason: 'page faults' }, caller())
    await update('cordon', { reason: 'new memory', by: 'ann', drain: false })
    const before = await view()
    const { runId } = await handle().describe()
    for (let sent = 0; sent <= 1_000; sent += 100) {
      await Promise.all(Array.from({ length: 100 }, () => handle().signal(RELEASE_SIGNAL, { endpoint, replica: 0, fence: 1 })))
    }
    await until(async () => (await handle().describe()).runId !== runId)
    expect(await view()).toEqual(before)
    await update('uncordon', {})
    expect(await lease([0])).toEqual(first)
    const second = await lease([1], { endpoint: uniqueName('other') })
    expect(fenceOf(second)).toBe(fenceOf(first) + 1)
    expect(await lease([3])).toEqual({ outcome: 'refused', why: 'GPU 3 is in quarantine: page faults' })
  })

  test('frees what was reserved for a flow that was terminated, and stops what it had started', async () => {
    const owner = await openRun()
    const fence = fenceOf(await lease([0], { owner }))
    const key = { namespace: cluster.namespace, endpoint, replica: 0, fence, launch: 1 }
    const machine = cluster.machineOf(nodeId)
    await machine.launch(key, spec())
    await end(owner.workflowId)
    await until(async () => (await view()).leases.length === 0)
    expect(machine.running(endpoint)).toEqual([])
  })

  test('binds what the endpoint has taken over although the flow ended first', async () => {
    const owner = await openRun()
    const fence = fenceOf(await lease([0], { owner }))
    const key = { namespace: cluster.namespace, endpoint, replica: 0, fence, launch: 1 }
    const machine = cluster.machineOf(nodeId)
    await machine.launch(key, spec())
    const replica = { key, nodeId, spec: spec(), url: 'http://127.0.0.1:1', pid: 1, weightBytes: 1 }
    const carried = { ...newSupervision(1), replica, provedAtMs: 1 }
    const supervisor = `endpoint/${endpoint}`
    await client.workflow.start('superviseEndpoint', { workflowId: supervisor, taskQueue: CONTROL_QUEUE, args: [{ endpoint, carried }] })
    await end(owner.workflowId)
    await until(async () => (await view()).leases.some(({ state }) => state === 'bound'))
    expect(machine.running(endpoint)).toHaveLength(1)
    await end(supervisor)
  })

  test('ends by itself what a lease was freed for, whoever freed it and whatever was stopped', async () => {
    const [freed, stays] = [fenceOf(await lease([0])), fenceOf(await lease([1], { endpoint: `${endpoint}-2` }))]
    const machine = cluster.machineOf(nodeId)
    const started = { namespace: cluster.namespace, replica: 0, launch: 1 }
    await machine.launch({ ...started, endpoint, fence: freed }, spec())
    await machine.launch({ ...started, endpoint: `${endpoint}-2`, fence: stays }, spec())
    await owners.giveBack(nodeId, { endpoint }, caller())
    await until(() => machine.running(endpoint).length === 0)
    expect(machine.running(`${endpoint}-2`)).toHaveLength(1)
    expect((await view()).presence).toBe('ready')
  })

  test('frees what an endpoint has whose workflow was ended by hand, and ends its engine', async () => {
    const fence = fenceOf(await lease([0]))
    const supervisor = await openRun(`endpoint/${endpoint}`)
    await signal(BIND_SIGNAL, fence)
    const machine = cluster.machineOf(nodeId)
    await machine.launch({ namespace: cluster.namespace, endpoint, replica: 0, fence, launch: 1 }, spec())
    await end(supervisor.workflowId)
    await waitFor('the end of the lease', async () => (await view()).leases.length === 0, 60_000)
    await waitFor('the end of the engine', () => machine.running(endpoint).length === 0)
    expect((await view()).presence).toBe('ready')
  }, 90_000)

  test('whose workflow was ended by hand is known again soon, with what endpoints have there', async () => {
    const fence = fenceOf(await lease([0, 1]))
    const key = { namespace: cluster.namespace, endpoint, replica: 0, fence, launch: 1 }
    await cluster.machineOf(nodeId).launch(key, spec())
    const replica = { key, nodeId, spec: { ...spec(), gpus: [0, 1] }, url: 'http://127.0.0.1:1', pid: 1, weightBytes: 1 }
    const carried = { ...newSupervision(1), replica, provedAtMs: 1 }
    const supervisor = `endpoint/${endpoint}`
    const options = { workflowId: supervisor, taskQueue: CONTROL_QUEUE, args: [{ endpoint, carried }] }
    await client.workflow.start('superviseEndpoint', options)
    await until(async () => (await cluster.aim.endpoint(endpoint)).view?.replica?.nodeId === nodeId)
    await handle().terminate('by a test')
    await until(async () => (await cluster.aim.nodes()).includes(nodeId) && (await view()).presence === 'ready')
    expect((await view()).leases).toMatchObject([{ endpoint, gpus: [0, 1], fence, state: 'bound' }])
    expect(cluster.machineOf(nodeId).running(endpoint)).toHaveLength(1)
    expect(await lease([1], { endpoint: uniqueName('other') })).toMatchObject({ outcome: 'refused' })
    await end(supervisor)
  }, 60_000)

  test('is refused to another machine while it beats', async () => {
    const stranger = { nodeId, hostname: 'other', machineId: 'other', bootId: 'b', instance: uniqueName('instance') }
    const desk = createNodeDesk(client, async () => ({
      ...stranger,
      gpus: [],
      labels: {},
      simulated: false,
      highestFence: 0,
      graceSeconds: 5,
    }))
    await expect(desk.open()).rejects.toMatchObject({ code: 'NodeTaken', message: `node ${nodeId} is run by machine fake already` })
    expect((await view()).identity?.hostname).toBe('fake')
  })

  test('that nobody registers, because its name was mistyped, can be forgotten', async () => {
    const mistyped = uniqueName('mistyped')
    await client.workflow.start('manageNode', { workflowId: `node/${mistyped}`, taskQueue: CONTROL_QUEUE, args: [{ nodeId: mistyped }] })
    await handle(mistyped).executeUpdate(NODE_UPDATES.forget, { args: [{}] })
    await handle(mistyped).result()
    expect((await handle(mistyped).describe()).status.name).toBe('COMPLETED')
  })

  test('takes nothing new while it is cordoned; a drain asks those who are there to leave', async () => {
    const bound = fenceOf(await lease([0]))
    await signal(BIND_SIGNAL, bound)
    const receiver = await openRun(`endpoint/${endpoint}`)
    await update('cordon', { reason: 'new memory', by: 'ann', drain: false })
    expect(await lease([1], { endpoint: uniqueName('other') })).toEqual({ outcome: 'refused', why: 'the node is cordoned: new memory' })
    expect(await newsTo(receiver)).toEqual([])
    await update('cordon', { reason: 'new memory', by: 'ann', drain: true })
    await until(async () => (await newsTo(receiver)).length === 1)
    expect(await newsTo(receiver)).toMatchObject([{ nodeId, presence: 'ready', drain: true }])
    await update('cordon', { by: 'eve', drain: true })
    await update('cordon', { by: 'eve', drain: false })
    expect((await view()).cordon).toMatchObject({ reason: 'new memory', by: 'ann', drain: true })
    await update('cordon', { reason: 'new fans', by: 'bob', drain: false })
    expect((await view()).cordon).toMatchObject({ reason: 'new fans', by: 'bob', drain: true })
    await update('uncordon', {})
    await until(async () => (await newsTo(receiver)).length > 1)
    expect((await newsTo(receiver)).map(({ drain }) => drain)).toEqual([true, false])
    expect(await lease([1], { endpoint: uniqueName('other') })).toMatchObject({ outcome: 'granted' })
  })

  test('keeps a GPU in quarantine until it is cleared', async () => {
    await owners.quarantine(nodeId, { gpu: 2, reason: 'page faults' }, caller())
    expect((await view()).quarantined).toMatchObject([{ gpu: 2, reason: 'page faults', by: 'deploy/test' }])
    expect(await lease([2])).toMatchObject({ outcome: 'refused' })
    await update('clear', { gpu: 2 })
    expect(await lease([2])).toMatchObject({ outcome: 'granted' })
  })

  test('ends the quarantine of a GPU whose memory has come back, and no other', async () => {
    const gpus = [0, 1].map((index) => aGpu({ index, card: index, vramFreeBytes: 2 ** 30 }))
    const { nodeId: id } = await cluster.addNode({ gpus })
    nodeId = id
    await owners.quarantine(nodeId, { gpu: 0, reason: 'memory is held', freeBytes: 100 * 2 ** 30 }, caller())
    await owners.quarantine(nodeId, { gpu: 1, reason: 'page faults' }, caller())
    for (const gpu of gpus) gpu.vramFreeBytes = 150 * 2 ** 30
    await until(async () => (await view()).quarantined.length === 1)
    expect((await view()).quarantined).toMatchObject([{ gpu: 1 }])
    expect(await lease([0])).toMatchObject({ outcome: 'granted' })
  }, 60_000)

  test.each([
    ['quarantine', { gpu: 9, reason: 'x', by: 'ann' }, 'gpu: node NODE has no GPU 9'],
    ['quarantine', { gpu: 1, reason: '', by: 'ann' }, 'reason: must say why'],
    ['cordon', { reason: '  ', by: 'ann', drain: true }, 'reason: must say why'],
    ['lease', { endpoint: 'UP', replica: 0, gpus: [], owner: { workflowId: 'w', runId: 'r' } }, 'endpoint: must be 1 to 63'],
    ['label', { set: { 'a b': 'c' } }, 'must be 1 to 63 letters'],
    ['cordon', { reason: 'x', by: 'ann' }, 'drain:'],
    ['forget', {}, 'node: NODE answers: end its node worker first'],
  ] as const)('%s refuses bad input by field and rule, and changes nothing', async (name, input, rule) => {
    const before = await view()
    const failed = await update(name, input).then(
      () => null,
      (error: unknown) => (error as Error).cause,
    )
    expect(failed).toMatchObject({ type: 'InvalidInput', message: expect.stringContaining(rule.replace('NODE', nodeId)) as string })
    expect(await view()).toEqual(before)
  })

  test('carries the labels that people set over its own', async () => {
    await update('label', { set: { zone: 'b', rack: '7' } })
    expect((await view()).labels).toEqual({ zone: 'b', rack: '7' })
    await update('label', { remove: ['zone', 'rack'] })
    expect((await view()).labels).toEqual({ zone: 'a' })
  })
})

describe('a node that dies', () => {
  let home: string
  let child: Child
  let engines: ReturnType<typeof createProcessLauncher>

  beforeEach(async () => {
    nodeId = uniqueName('node')
    home = await mkdtemp(join(tmpdir(), 'aim-node-'))
    child = startNode()
    engines = createProcessLauncher({ dir: join(home, 'engines'), command: () => ({ argv: ['/nothing'], env: {} }) })
    await child.nextLine()
    return async () => {
      await child.kill('SIGKILL')
      for (const { key } of await engines.list()) await engines.stop(key, 0)
      await rm(home, { recursive: true, force: true })
      await cluster.forgetNode(nodeId)
    }
  })

  test('is unknown, then lost; when it returns, what has no lease any more is stopped before it takes work', async () => {
    const kept = uniqueName('kept')
    const [stays, moves] = [fenceOf(await lease([0], { endpoint: kept })), fenceOf(await lease([1]))]
    await signal(BIND_SIGNAL, moves)
    const receiver = await openRun(`endpoint/${endpoint}`)
    for (const [name, fence] of [
      [kept, stays],
      [endpoint, moves],
    ] as const)
      await launch(name, fence)

    await child.kill('SIGKILL')
    await until(async () => (await view()).presence === 'unknown')
    const unknownSince = Date.parse((await view()).since)
    expect(await lease([2], { endpoint: uniqueName('other') })).toEqual({ outcome: 'refused', why: 'the node does not answer now' })
    await until(async () => (await view()).presence === 'lost')
    // By the clock of the owner, which decides: how fast this machine is says nothing.
    expect(Date.parse((await view()).since) - unknownSince).toBeGreaterThanOrEqual(GRACE_MS)
    expect((await running()).toSorted()).toEqual([kept, endpoint].toSorted())

    // The endpoint moved elsewhere meanwhile.
    await owners.giveBack(nodeId, { endpoint }, caller())
    child = startNode()
    await child.nextLine()
    expect(await running()).toEqual([kept])
    expect((await view()).presence).toBe('ready')
    await until(async () => (await newsTo(receiver)).length === 2)
    expect((await newsTo(receiver)).map(({ presence }) => presence)).toEqual(['unknown', 'lost'])
  })

  test('and is back within its grace time was never lost, and keeps its engines', async () => {
    await child.kill('SIGKILL')
    child = startNode(60)
    await child.nextLine()
    const fence = fenceOf(await lease([0]))
    await signal(BIND_SIGNAL, fence)
    const receiver = await openRun(`endpoint/${endpoint}`)
    await launch(endpoint, fence)
    const before = await view()
    await child.kill('SIGKILL')
    child = startNode(60)
    const { instance } = (await child.nextLine()) as { instance: string }
    expect(await running()).toEqual([endpoint])
    expect(await view()).toMatchObject({ presence: 'ready', leases: [{ fence, state: 'bound' }], identity: { instance } })
    expect(before.identity?.instance).not.toBe(instance)
    await waitFor('news of the new process', async () => (await newsTo(receiver)).some((news) => news.instance === instance))
    expect((await newsTo(receiver)).map(({ presence }) => presence)).not.toContain('lost')
  })

  test('can be forgotten, with force when endpoints are still bound to it; its GPUs come back under higher fences', async () => {
    const fence = fenceOf(await lease([0]))
    const receiver = await openRun(`endpoint/${endpoint}`)
    await signal(BIND_SIGNAL, fence)
    await launch(endpoint, fence)
    await child.kill('SIGKILL')
    await until(async () => (await view()).presence !== 'ready')
    await expect(update('forget', {})).rejects.toMatchObject({ cause: { type: 'InvalidInput' } })
    await update('forget', { force: true })
    await until(async () => !(await cluster.aim.nodes()).includes(nodeId))
    expect((await newsTo(receiver)).at(-1)).toMatchObject({ nodeId, presence: 'lost' })
    child = startNode()
    await child.nextLine()
    expect(await running()).toEqual([])
    expect(fenceOf(await lease([0]))).toBeGreaterThan(fence)
  })

  const startNode = (graceSeconds = GRACE_MS / 1_000) => {
    const told = { address: temporalAddress(), namespace: cluster.namespace, nodeId, home, gpus: 4, graceSeconds }
    return startChild(new URL('../support/node-child.ts', import.meta.url), [JSON.stringify(told satisfies ChildNode)])
  }
  /** By the node's own launcher, as `launchEngine` does. */
  const launch = async (name: string, fence: number) => {
    const key = { namespace: cluster.namespace, endpoint: name, replica: 0, fence, launch: 1 }
    const own = createProcessLauncher({
      dir: join(home, 'engines'),
      command: () => ({ argv: [process.execPath, '-e', 'setInterval(() => {}, 1e9)'], env: {} }),
      ports: '22000-22999',
    })
    await own.launch(key, spec())
  }
  const running = async () => (await engines.list()).filter(({ state }) => state.phase === 'running').map(({ key }) => key.endpoint)
}, 60_000)

const GRACE_MS = 5_000

const handle = (id = nodeId) => client.workflow.getHandle(`node/${id}`)
const view = (id = nodeId) => handle(id).query<NodeView>(NODE_QUERY)
const caller = () => ({ workflowId: 'deploy/test', runId: 'r', requestId: uniqueName('request') })
const update = (name: keyof typeof NODE_UPDATES, input: object) => handle().executeUpdate(NODE_UPDATES[name], { args: [input] })
const signal = (name: string, fence: number) => handle().signal(name, { endpoint, replica: 0, fence })

async function lease(gpus: number[], change: Partial<Claim> = {}) {
  const owner = change.owner ?? (opened[0] ??= await openRun())
  return owners.lease(nodeId, { endpoint, replica: 0, gpus, owner, ...change }, caller())
}

function fenceOf(answer: Awaited<ReturnType<typeof lease>>): number {
  if (answer.outcome === 'refused') throw new Error(answer.why)
  return answer.fence
}

/** A run that nobody works on stays open until it is ended. */
async function openRun(workflowId = uniqueName('deploy/run')): Promise<Owner> {
  const run = await client.workflow.start('nobody', { workflowId, taskQueue: 'nobody' })
  const owner = { workflowId, runId: run.firstExecutionRunId }
  opened.push(owner)
  return owner
}

const end = (workflowId: string) =>
  client.workflow
    .getHandle(workflowId)
    .terminate('by a test')
    .catch(() => undefined)

async function newsTo({ workflowId, runId }: Owner): Promise<NodeNews[]> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
  const payloads = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: told }) => told?.input?.payloads ?? [])
  return payloads.map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()) as NodeNews)
}

function spec(): EngineSpec {
  const parallel = { tensor: 1, pipeline: 1, data: 1, expert: false }
  return { backend: 'llamacpp', servedName: endpoint, modelPath: '/weights', gpus: [], parallel, settings: {}, args: {}, env: {} }
}
