import { describe, expect, test, vi } from 'vitest'
import { fakeProbe } from '../support/fakes.js'
import {
  cluster,
  deploy,
  drain,
  endpoint,
  leasesOn,
  nodes,
  phase,
  places,
  servesOn,
  uncordon,
  view,
  useTwoNodes,
  type Node,
} from '../support/two-nodes.js'
import { until, waitFor } from '../support/wait-for.js'

useTwoNodes()

/** Until a repair has started an engine on this node. Before, it is started again in its place for some time. */
const repairOn = ({ machine }: Node) =>
  waitFor('a repair', async () => (await view()).operation?.kind === 'repair' && machine.running(endpoint).length === 1, 60_000)

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
