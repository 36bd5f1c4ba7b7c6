import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { NODE_UPDATES } from '../../src/contracts/node-owner.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { fakeProbe, uniqueName } from '../support/fakes.js'
import { until, waitFor } from '../support/wait-for.js'

type Node = Awaited<ReturnType<TestCluster['addNode']>>

let cluster: TestCluster
let nodes: [Node, Node]
let endpoint: string
beforeAll(async () => {
  cluster = await startCluster()
  // The first node takes no engine: the two others are alike.
  await cluster.client.workflow.getHandle(`node/${cluster.nodeId}`).executeUpdate(NODE_UPDATES.cordon, {
    args: [{ reason: 'for the others', by: 'a test', drain: false }],
  })
  nodes = [await cluster.addNode(), await cluster.addNode()]
}, 60_000)
afterAll(() => cluster.stop())
beforeEach(() => {
  endpoint = uniqueName('chat')
})
afterEach(async () => {
  for (const { machine } of nodes) Object.assign(machine, { startsAs: 'answers', refuses: null })
  for (const node of away.splice(0)) await node.join()
  for (const node of nodes) await uncordon(node)
  await (await cluster.aim.undeploy({ endpoint, force: true })).result()
})

/** Nodes whose worker has left and is not back. */
const away: Node[] = []
async function leave(node: Node): Promise<void> {
  away.push(node)
  await node.leave()
}
async function join(node: Node): Promise<void> {
  away.splice(away.indexOf(node), 1)
  await node.join()
}

const view = async () => {
  const { view: known, problem } = await cluster.aim.endpoint(endpoint)
  if (known === null) throw new Error(problem ?? 'no answer')
  return known
}
const deploy = async (change: object = {}) => (await cluster.aim.deploy({ endpoint, model: 'org/name', ...change })).result()
const phase = (wanted: string) => waitFor(wanted, async () => (await view()).phase === wanted, 60_000)

/** Where it serves, and the other node. */
async function places(): Promise<{ home: Node; other: Node }> {
  const { replica } = await view()
  const [home, other] = nodes[0].nodeId === replica?.nodeId ? nodes : nodes.toReversed()
  if (home === undefined || other === undefined) throw new Error('no node')
  return { home, other }
}

/** Until a repair has started an engine on this node. Before, it is started again in its place for some time. */
const repairOn = ({ machine }: Node) =>
  waitFor('a repair', async () => (await view()).operation?.kind === 'repair' && machine.running(endpoint).length === 1, 60_000)

/** Until it serves on this node, with nothing left to do. */
const servesOn = ({ nodeId }: Node) =>
  until(async () => {
    const { phase: now, replica, operation } = await view()
    return now === 'serving' && replica?.nodeId === nodeId && operation === null
  })

const askOwner = ({ nodeId }: Node, update: keyof typeof NODE_UPDATES, asked: object) =>
  cluster.client.workflow.getHandle(`node/${nodeId}`).executeUpdate(NODE_UPDATES[update], { args: [asked] })
const drain = (node: Node) => askOwner(node, 'cordon', { reason: 'new memory', by: 'a test', drain: true })
const uncordon = (node: Node) => askOwner(node, 'uncordon', {})

const leasesOn = async ({ nodeId }: Node) => {
  const { leases } = await cluster.client.workflow
    .getHandle(`node/${nodeId}`)
    .query<{ leases: { endpoint: string; state: string }[] }>('node')
  return leases.filter((lease) => lease.endpoint === endpoint)
}

test('an engine that hangs is found out and started again', async () => {
  await deploy()
  const { home } = await places()
  const url = (await view()).replica?.url ?? ''
  home.machine.hangs.add(url)
  await until(async () => (await view()).phase === 'restarting')
  expect((await view()).reason).toMatch(/^engine hangs: no token/)
  home.machine.hangs.clear()
  await servesOn(home)
  expect(await view()).toMatchObject({ restarts: 1, healing: [{ did: 'restart', outcome: 'done' }], replica: { url } })
  expect(home.machine.running(endpoint)).toHaveLength(1)
})

test('an engine that cannot start where it was comes back on another node', async () => {
  await deploy()
  const { home, other } = await places()
  home.machine.startsAs = 'exits'
  home.machine.kill(endpoint)
  await servesOn(other)
  const { healing, revision } = await view()
  expect(healing.at(-1)).toMatchObject({ did: 'repair', outcome: 'done', why: expect.stringMatching(/^crash loop: /) })
  expect(revision).toMatchObject({ revision: 1, request: { ref: 'main' } })
  expect(revision?.request).not.toHaveProperty('repair')
  expect(home.machine.running(endpoint)).toEqual([])
  await until(async () => (await leasesOn(home)).length === 0)
  expect(await leasesOn(other)).toMatchObject([{ state: 'bound' }])
}, 90_000)

test('where nothing starts, the last good revision is tried, and then it is left with the reason', async () => {
  await deploy()
  await deploy({ context: 4_096 })
  for (const { machine } of nodes) Object.assign(machine, { startsAs: 'exits' })
  for (const { machine } of nodes) machine.kill(endpoint)
  await phase('degraded')
  const { healing, reason, next } = await view()
  expect(healing.slice(-3).map(({ did, outcome }) => [did, outcome])).toEqual([
    ['repair', 'failed'],
    ['rollback', 'failed'],
    ['gave up', 'failed'],
  ])
  expect(reason).toMatch(/^crash loop: .*; rollback: /)
  expect(next).toContain(`aim explain ${endpoint}`)
}, 120_000)

test('what a rollback brings back is the last good revision, also after the one at hand has moved', async () => {
  await deploy()
  const before = (await view()).revision
  await deploy({ context: 4_096 })
  const { home, other } = await places()
  await drain(home)
  await servesOn(other)
  await uncordon(home)
  const fails = (spec: { context?: number }) => spec.context === 4_096
  for (const { machine } of nodes) machine.refuses = fails
  for (const { machine } of nodes) machine.kill(endpoint)
  const isBack = async () => (await view()).healing.some(({ did, outcome }) => did === 'rollback' && outcome === 'done')
  await waitFor('a rollback', isBack, 90_000)
  await phase('serving')
  const { revision } = await view()
  expect(revision).toMatchObject({ recipe: before?.recipe, commit: before?.commit })
  expect(revision?.request.context).toBeUndefined()
}, 120_000)

describe('a node that does not answer any more', () => {
  test('is waited for, then left; when it is back, what ran there ends', async () => {
    await deploy()
    const { home, other } = await places()
    await leave(home)
    await until(async () => (await view()).presence === 'unknown')
    expect((await view()).phase).toBe('serving')
    await servesOn(other)
    expect(home.machine.running(endpoint)).toHaveLength(1)
    expect((await view()).healing.at(-1)).toMatchObject({ did: 'repair', outcome: 'done', why: `node ${home.nodeId} does not answer` })
    await join(home)
    await until(() => home.machine.running(endpoint).length === 0)
    expect(other.machine.running(endpoint)).toHaveLength(1)
    await until(async () => (await leasesOn(home)).length === 0)
  }, 90_000)

  test('and has no substitute is waited for, and its engine is taken up again', async () => {
    await deploy({ node: nodes[0].nodeId })
    const [home] = nodes
    const pid = (await view()).replica?.pid
    await leave(home)
    await until(async () => (await view()).next?.startsWith(`it waits for node ${home.nodeId}`) ?? false)
    expect(await view()).toMatchObject({ phase: 'repairing', presence: 'lost', reason: `node ${home.nodeId} does not answer` })
    await join(home)
    await servesOn(home)
    expect(await view()).toMatchObject({ presence: 'ready', restarts: 0, replica: { pid } })
    expect((await view()).healing.at(-1)).toMatchObject({ did: 'adopt', outcome: 'done' })
    home.machine.kill(endpoint)
    await until(async () => (await view()).restarts === 1)
  }, 90_000)

  test('and comes back in time changes nothing, and its engine is watched by the new worker', async () => {
    await deploy()
    const { home } = await places()
    const { replica } = await view()
    await leave(home)
    await join(home)
    await until(async () => (await view()).presence === 'ready')
    home.machine.kill(endpoint)
    await until(async () => (await view()).restarts === 1)
    expect((await view()).replica?.key).toEqual({ ...replica?.key, launch: 2 })
  }, 60_000)

  test('during a deploy is left when that ends without an engine of its own', async () => {
    await deploy()
    const { home, other } = await places()
    other.machine.startsAs = 'silent'
    const operation = await cluster.aim.deploy({ endpoint, model: 'org/name', node: other.nodeId, context: 4_096 })
    await until(() => other.machine.running(endpoint).length === 1)
    await leave(home)
    await until(async () => (await view()).next?.startsWith(`${operation.workflowId} is at work`) ?? false)
    await operation.cancel()
    await expect(operation.result()).rejects.toMatchObject({ code: 'Cancelled' })
    other.machine.startsAs = 'answers'
    await servesOn(other)
    expect((await view()).revision?.request.context).toBeUndefined()
  }, 90_000)

  test('is not waited for by a deploy that would change nothing', async () => {
    const [home] = nodes
    await deploy({ node: home.nodeId })
    const inspect = fakeProbe.inspect.bind(fakeProbe)
    let gone: Promise<void> | null = null
    const spy = vi.spyOn(fakeProbe, 'inspect').mockImplementation(async () => {
      gone ??= leave(home)
      return inspect()
    })
    await expect(deploy({ node: home.nodeId })).rejects.toMatchObject({ code: 'NodeLost' })
    spy.mockRestore()
    expect((await view()).operation).toBeNull()
  }, 60_000)

  test('yet, when it is stopped, is waited for until it is lost, and never comes back', async () => {
    await deploy()
    const { home, other } = await places()
    await leave(home)
    await until(async () => (await view()).presence === 'unknown')
    const { outcome, silent } = await (await cluster.aim.undeploy({ endpoint })).result()
    expect([outcome, silent]).toEqual(['stopped', [home.nodeId]])
    await join(home)
    await until(() => home.machine.running(endpoint).length === 0)
    expect(other.machine.running(endpoint)).toEqual([])
  }, 60_000)

  test('does not keep an endpoint from being stopped', async () => {
    await deploy({ node: nodes[0].nodeId })
    const [home] = nodes
    await leave(home)
    await until(async () => (await view()).presence === 'lost')
    const { outcome, silent } = await (await cluster.aim.undeploy({ endpoint })).result()
    expect([outcome, silent]).toEqual(['stopped', [home.nodeId]])
    await join(home)
    await until(() => home.machine.running(endpoint).length === 0)
  }, 90_000)
})

test('a node that is drained is left, and nothing of the endpoint stays there', async () => {
  await deploy()
  const { home, other } = await places()
  await drain(home)
  await servesOn(other)
  await until(async () => (await leasesOn(home)).length === 0)
  expect(home.machine.running(endpoint)).toEqual([])
  expect((await view()).healing.at(-1)).toMatchObject({ did: 'repair', why: `node ${home.nodeId} is drained`, outcome: 'done' })
}, 60_000)

/** It serves on a node that is drained, and the engine that is to take its place does not answer yet. */
async function moving(): Promise<{ home: Node; other: Node }> {
  await deploy()
  const { home, other } = await places()
  other.machine.startsAs = 'silent'
  await drain(home)
  await until(() => other.machine.running(endpoint).length === 1)
  return { home, other }
}

test('a node that is drained serves, and is cared for, until another one answers', async () => {
  const { home, other } = await moving()
  expect(home.machine.running(endpoint)).toHaveLength(1)
  expect(await view()).toMatchObject({ phase: 'serving', replica: { nodeId: home.nodeId } })
  home.machine.kill(endpoint)
  await until(async () => (await view()).restarts === 1 && (await view()).phase === 'serving')
  other.machine.startsAs = 'answers'
  await servesOn(other)
  await until(async () => (await leasesOn(home)).length === 0 && home.machine.running(endpoint).length === 0)
  expect((await view()).healing.map(({ did, outcome }) => [did, outcome])).toEqual([
    ['repair', 'done'],
    ['restart', 'done'],
  ])
  expect(await view()).toMatchObject({ phase: 'serving', replica: { key: other.machine.running(endpoint)[0]?.key } })
}, 60_000)

test('what becomes of the engine before is no concern of the one that was taken over', async () => {
  const { home, other } = await moving()
  home.machine.startsAs = 'silent'
  home.machine.kill(endpoint)
  await until(() => home.machine.running(endpoint).length === 1)
  // Its proof hears of nothing, not of its being called off either, before it finds that it was stopped.
  const inspect = vi.spyOn(home.machine, 'inspect').mockImplementation(async () => {
    await until(() => home.machine.running(endpoint).length === 0)
    return { phase: 'absent' }
  })
  const [engine] = other.machine.running(endpoint)
  other.machine.startsAs = 'answers'
  await servesOn(other)
  await until(async () => (await leasesOn(home)).length === 0 && home.machine.running(endpoint).length === 0)
  inspect.mockRestore()
  expect((await view()).replica?.key).toEqual(engine?.key)
  expect(other.machine.running(endpoint).map(({ key }) => key)).toEqual([engine?.key])
  expect((await view()).healing.filter(({ outcome }) => outcome !== 'done')).toEqual([])
}, 60_000)

test('a node that is drained no more is not left, though that was heard in the middle of a repair', async () => {
  const { home, other } = await moving()
  await uncordon(home)
  other.machine.startsAs = 'exits'
  other.machine.kill(endpoint)
  await until(async () => (await view()).operation === null)
  await until(async () => (await view()).next === null)
  expect(await view()).toMatchObject({ phase: 'serving', replica: { nodeId: home.nodeId } })
  expect(home.machine.running(endpoint)).toHaveLength(1)
}, 60_000)

test('a replacement that fails on its own node leaves it to the engine before while another node is tried', async () => {
  const inspect = fakeProbe.inspect
  const probed = vi.spyOn(fakeProbe, 'inspect').mockImplementation(async () => ({ ...(await inspect()), cachedModels: ['org/name'] }))
  await deploy()
  const { home, other } = await places()
  home.machine.refuses = ({ context }) => context === 4_096
  other.machine.startsAs = 'silent'
  const replaced = deploy({ context: 4_096 })
  await until(() => other.machine.running(endpoint).length === 1)
  await until(async () => (await view()).phase === 'serving' && home.machine.running(endpoint).length === 1)
  other.machine.startsAs = 'answers'
  expect(await replaced).toMatchObject({ outcome: 'deployed', node: other.nodeId, attempts: 2 })
  await servesOn(other)
  probed.mockRestore()
}, 60_000)

test('a node that is lost while it is drained is not asked for anything any more', async () => {
  const { home, other } = await moving()
  await leave(home)
  await until(async () => (await view()).presence === 'lost')
  other.machine.startsAs = 'exits'
  other.machine.kill(endpoint)
  await waitFor('a wait for the node', async () => (await view()).next?.startsWith(`it waits for node ${home.nodeId}`) ?? false, 60_000)
  expect(await view()).toMatchObject({ phase: 'repairing', reason: `node ${home.nodeId} does not answer` })
}, 90_000)

test('an endpoint whose workflow was ended by hand has one engine again after the next deploy', async () => {
  await deploy({ node: nodes[0].nodeId })
  await cluster.client.workflow.getHandle(`endpoint/${endpoint}`).terminate('by a test')
  await deploy({ node: nodes[1].nodeId })
  await until(async () => (await leasesOn(nodes[0])).length === 0 && nodes[0].machine.running(endpoint).length === 0)
  expect(nodes[1].machine.running(endpoint)).toHaveLength(1)
}, 60_000)

describe('a person comes first', () => {
  test('a stop ends a repair, and nothing is left', async () => {
    await deploy()
    const { home, other } = await places()
    home.machine.startsAs = 'exits'
    other.machine.startsAs = 'silent'
    home.machine.kill(endpoint)
    await repairOn(other)
    await (await cluster.aim.undeploy({ endpoint })).result()
    for (const node of nodes) {
      expect(node.machine.running(endpoint)).toEqual([])
      expect(await leasesOn(node)).toEqual([])
    }
  }, 90_000)

  test('a deploy takes the place of a repair', async () => {
    await deploy()
    const { home, other } = await places()
    home.machine.startsAs = 'exits'
    other.machine.startsAs = 'silent'
    home.machine.kill(endpoint)
    await repairOn(other)
    for (const { machine } of nodes) machine.startsAs = 'answers'
    // The engine that the repair had started answers now as well: the deploy still comes first, or finds it done.
    const result = await waitFor('a deploy', async () => deploy({ context: 2_048 }), 60_000)
    expect(result.outcome).toBe('deployed')
    await phase('serving')
    expect(nodes.flatMap(({ machine }) => machine.running(endpoint))).toHaveLength(1)
  }, 90_000)
})

test('an endpoint that serves adds nothing to its history, however often its watch beats', async () => {
  await deploy()
  const handle = cluster.client.workflow.getHandle(`endpoint/${endpoint}`)
  const beatOf = async () => {
    const { raw } = await handle.describe()
    const watch = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'watchEngine')
    const { seconds = 0, nanos = 0 } = watch?.lastHeartbeatTime ?? {}
    return Number(seconds) + (nanos ?? 0) / 1e9
  }
  const nextBeat = async (last: number) => waitFor('a beat', async () => ((await beatOf()) > last ? beatOf() : false), 60_000)
  // The first beat comes with its start, when what the deploy left to do may not be over.
  const second = await nextBeat(await nextBeat(0))
  const before = (await handle.describe()).historyLength
  await nextBeat(second)
  expect((await handle.describe()).historyLength).toBe(before)
}, 120_000)

test('a check by hand tells what it found', async () => {
  await deploy()
  const run = async () =>
    cluster.client.workflow.execute('healthCheck', { taskQueue: 'aim-control', workflowId: `health/${endpoint}`, args: [{ endpoint }] })
  expect(await run()).toMatchObject({
    outcome: 'well',
    phase: 'serving',
    replicas: [{ evidence: { verdict: 'serving', process: 'running' } }],
  })
  const { home } = await places()
  home.machine.hangs.add((await view()).replica?.url ?? '')
  expect(await run()).toMatchObject({ outcome: 'unwell', replicas: [{ evidence: { verdict: 'failing' } }] })
  home.machine.hangs.clear()
})
