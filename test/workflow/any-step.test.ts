import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProcessLauncher } from '../../src/adapters/launchers/process/index.js'
import { freePorts } from '../../src/config/free-ports.js'
import type { DeployInput } from '../../src/contracts/deploy.js'
import { NODE_QUERY, type NodeView } from '../../src/contracts/node-owner.js'
import { engineKeyName } from '../../src/domain/engine.js'
import { startChild, type Child } from '../support/children.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { uniqueName } from '../support/fakes.js'
import type { HeldNode } from '../support/held-node-child.js'
import { heldUp, holdUp, type Place } from '../support/holds.js'
import { temporalAddress } from '../support/temporal-address.js'
import { waitFor } from '../support/wait-for.js'

/** A deploy that is ended in any way, at any of its steps, leaves nothing: engines are processes here, of a node that is one itself. */

const nodeId = uniqueName('held')
let cluster: TestCluster
let dir: string
let holds: string
let node: Child
let launcher: ReturnType<typeof createProcessLauncher>

const startNode = async () => {
  const held: HeldNode = { address: temporalAddress(), namespace: cluster.namespace, nodeId, home: dir, holds, ports: '23000-23999' }
  node = startChild(new URL('../support/held-node-child.ts', import.meta.url), [JSON.stringify(held)])
  await node.nextLine()
}
beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'aim-any-step-')))
  holds = join(dir, 'holds')
  cluster = await startCluster({ control: (activities) => heldUp(holds, activities, false), slots: 400 })
  const command = () => expect.unreachable('the node starts engines')
  launcher = createProcessLauncher({ dir: join(dir, 'engines'), command })
  await startNode()
})
afterAll(async () => {
  const left = await launcher.processes(cluster.namespace)
  for (const { key } of await launcher.list()) await launcher.stop(key, 0)
  await node.kill('SIGKILL')
  await cluster.stop()
  await rm(dir, { recursive: true, force: true })
  if (left.length > 0) throw new Error(`left running: ${JSON.stringify(left)}`)
})

type Kind = 'a first deploy' | 'a replacement'
/** A step of a deploy, and where it stands still there. `child`: the child that walks the plan is at work. */
type Step = Place & { child: boolean; kinds: Kind[] }
type Case = { step: Step; kind: Kind; endpoint: string; name: string }
const step = (activity: string, when: Place['when'], { child = false, kinds = ['a first deploy'] }: Partial<Step> = {}): Step => ({
  activity,
  when,
  child,
  kinds,
})
const first: Kind[] = ['a first deploy']
const replacement: Kind[] = ['a replacement']
const both = [...first, ...replacement]
const STEPS: Step[] = [
  step('admit', 'after'),
  step('beginOperation', 'after'),
  step('pinModel', 'before'),
  step('inspectNode', 'before'),
  step('planDeployment', 'after'),
  step('leaseGpus', 'before', { child: true }),
  step('leaseGpus', 'after', { child: true, kinds: both }),
  step('ensureWeights', 'within', { child: true }),
  step('standDown', 'before', { child: true, kinds: replacement }),
  step('standDown', 'after', { child: true, kinds: replacement }),
  step('launchEngine', 'before', { child: true }),
  step('launchEngine', 'after', { child: true, kinds: both }),
  step('proveReady', 'after', { child: true, kinds: both }),
  step('adoptReplica', 'before', { kinds: both }),
  step('adoptReplica', 'after', { kinds: both }),
  step('recordEnd', 'before'),
]

const casesOf = (filter: (step: Step) => boolean, steps = STEPS): Case[] =>
  steps
    .filter(filter)
    .flatMap((one) =>
      one.kinds.map((kind) => ({ step: one, kind, endpoint: uniqueName('chat'), name: `${kind}, ${one.when} ${one.activity}` })),
    )

const workflow = (workflowId: string) => cluster.client.workflow.getHandle(workflowId)
const deployOf = (endpoint: string) => workflow(`deploy/${endpoint}`)
const childOf = (endpoint: string) => workflow(`deploy/${endpoint}/fallback/1`)
const NEW = { context: 4096 } as const
const OLD = {} as const
const requestOf = ({ kind }: Case): Partial<DeployInput> => (kind === 'a replacement' ? NEW : OLD)
/** Each has a port of its own: nobody takes it while its engine is down. */
const ports = new Map<string, number>()
async function portOf(endpoint: string): Promise<number> {
  const known = ports.get(endpoint)
  if (known !== undefined) return known
  const used = [...ports.values()]
  const port = (await freePorts(3)).find((free) => !used.includes(free)) ?? 0
  ports.set(endpoint, port)
  return port
}
const deploy = async (endpoint: string, change: Partial<DeployInput>) =>
  cluster.aim.deploy({ endpoint, model: `org/${endpoint}`, node: nodeId, port: await portOf(endpoint), ...change })

/** On a busy machine, with many deploys at once. */
const PATIENCE_MS = 100_000

/** Brings a deploy to its step. Answers how it goes on. */
async function bring(one: Case): Promise<() => void> {
  await serveBefore(one)
  return holdUpAt(one)
}

async function serveBefore({ kind, endpoint }: Case): Promise<void> {
  if (kind === 'a replacement') await (await deploy(endpoint, OLD)).result()
}

async function holdUpAt(one: Case): Promise<() => void> {
  const { endpoint, step: place } = one
  const hold = holdUp(holds, endpoint, place)
  const handle = await deploy(endpoint, requestOf(one))
  handle.result().catch(() => undefined) // how it ends is looked at afterwards
  await waitFor(one.name, hold.isReached, PATIENCE_MS)
  return hold.open
}

const viewOf = (endpoint: string) =>
  cluster.aim.endpoint(endpoint).then(
    ({ view }) => view,
    () => null,
  )
const statusOf = (workflowId: string) =>
  workflow(workflowId)
    .describe()
    .then(
      ({ status }) => status.name,
      () => 'NOT FOUND',
    )

/** Why a deploy that has ended failed. */
const whyOf = (endpoint: string) =>
  Promise.race([
    deployOf(endpoint)
      .result()
      .then(
        () => '',
        (error: unknown) => String((error as Error).cause),
      ),
    delay(1_000, 'it has not ended'),
  ])

/** What is not as it should be; nothing when all is well. `state`: what must serve; absent: either is well. `status`: of the deploy. */
async function wrongWith({ endpoint }: Case, wanted: { state?: 'old' | 'new' | 'nothing'; status?: string }): Promise<string[]> {
  const wrong: string[] = []
  const [status, child] = await Promise.all([statusOf(`deploy/${endpoint}`), statusOf(`deploy/${endpoint}/fallback/1`)])
  if (status === 'RUNNING' || (wanted.status !== undefined && wanted.status !== status))
    wrong.push(`the deploy is ${status}: ${await whyOf(endpoint)}`)
  if (child === 'RUNNING') wrong.push('its child still runs')
  const view = await viewOf(endpoint)
  const replica = view?.replica ?? null
  if (view !== null && view.operation !== null) wrong.push('the lock is held')
  if (replica === null && view !== null) wrong.push('an endpoint without a replica is left')
  if (replica !== null && view?.phase !== 'serving') wrong.push(`it is ${view?.phase}: ${view?.reason}`)
  const state = replica === null ? 'nothing' : replica.spec.context === undefined ? 'old' : 'new'
  if (wanted.state !== undefined && wanted.state !== state) wrong.push(`${state} serves`)

  const keys = replica === null ? [] : [engineKeyName(replica.key)]
  const processes = (await launcher.processes(cluster.namespace)).filter(({ engine }) => engine.split('/')[1] === endpoint)
  const running = [...new Set(processes.map(({ engine }) => engine))]
  if (running.join() !== keys.join()) wrong.push(`engines: ${running.join(' ') || 'none'} instead of ${keys.join(' ') || 'none'}`)
  const known = (await launcher.list()).find(({ key }) => engineKeyName(key) === keys[0])
  if (replica !== null && !(known?.state.phase === 'running' && known.state.pid === replica.pid))
    wrong.push('the replica names another process')

  const { leases } = await workflow(`node/${nodeId}`).query<NodeView>(NODE_QUERY)
  const ours = leases.filter((lease) => lease.endpoint === endpoint).map(({ state: held, fence }) => `${held} ${fence}`)
  const due = replica === null ? [] : [`bound ${replica.key.fence}`]
  if (ours.join() !== due.join()) wrong.push(`leases: ${ours.join(', ') || 'none'} instead of ${due.join(', ') || 'none'}`)
  if (existsSync(join(dir, 'weights', `org--${endpoint}.part`))) wrong.push('a half-written file is left')
  return wrong
}

type Wanted = Parameters<typeof wrongWith>[1]
async function settle(one: Case, wanted: Wanted, ms = PATIENCE_MS): Promise<string[]> {
  const deadline = Date.now() + ms
  for (;;) {
    const wrong = await wrongWith(one, wanted).catch((error: unknown) => [String(error)])
    if (wrong.length === 0 || Date.now() > deadline) return wrong
    await delay(200)
  }
}

const undeploy = async ({ endpoint }: Case) => (await cluster.aim.undeploy({ endpoint, graceSeconds: 0 })).result()

/** Answers what is left, by case. */
async function all(cases: Case[], run: (one: Case) => Promise<string[]>): Promise<string[]> {
  const found = await Promise.all(
    cases.map(async (one) => {
      const wrong = await run(one).catch((error: unknown) => [String(error)])
      return wrong.map((what) => `${one.name}: ${what}`)
    }),
  )
  return found.flat()
}

/** When its late effect comes, whoever cleans up has been there before. */
const LATE_MS = 500

/** As far as an end by hand goes: an adoption happens whole. */
function wantedAfter({ kind, step: { activity, when } }: Case, how: string): Wanted {
  const before = kind === 'a replacement' ? 'old' : 'nothing'
  const after = kind === 'a replacement' ? 'new' : 'old'
  if (activity === 'recordEnd' || (activity === 'adoptReplica' && when === 'after')) return { state: after }
  if (activity !== 'adoptReplica') return { state: before }
  // Too late to cancel. After a terminate, who is heard first counts: the late adoption, or the end of its flow.
  return how.startsWith('cancel') ? { state: after } : {}
}

const resetTo = (kind: 'first' | 'last', flow: 'deploy' | 'undeploy') => async (endpoint: string) => {
  const workflowId = `${flow}/${endpoint}`
  const { runId } = await workflow(workflowId).describe()
  const { events } = await cluster.client.workflow.getHandle(workflowId, runId).fetchHistory()
  const done = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes)
  const event = kind === 'first' ? done.at(0) : done.at(-1)
  await cluster.client.workflowService.resetWorkflowExecution({
    namespace: cluster.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'by hand',
    workflowTaskFinishEventId: event?.eventId ?? null,
    requestId: randomUUID(),
  })
}

describe('ended by hand', () => {
  test.each([
    ['cancel the deploy', (endpoint: string) => deployOf(endpoint).cancel(), () => true],
    ['terminate the deploy', (endpoint: string) => deployOf(endpoint).terminate('by hand'), () => true],
    ['cancel its child', (endpoint: string) => childOf(endpoint).cancel(), ({ child }: Step) => child],
    ['terminate its child', (endpoint: string) => childOf(endpoint).terminate('by hand'), ({ child }: Step) => child],
  ] as const)(
    '%s',
    async (how, act, filter) => {
      const cases = casesOf(filter)
      const left = await all(cases, async (one) => {
        const open = await bring(one)
        await act(one.endpoint)
        await delay(LATE_MS)
        open()
        return settle(one, wantedAfter(one, how))
      })
      const later = await all(cases, async (one) => settle(one, {}, 0))
      await Promise.all(cases.map(undeploy))
      expect([...left, ...later]).toEqual([])
    },
    300_000,
  )

  test.each([
    ['reset it to its beginning', resetTo('first', 'deploy')],
    ['reset it to where it stood', resetTo('last', 'deploy')],
  ] as const)(
    '%s',
    async (_, act) => {
      const cases = casesOf(() => true)
      const left = await all(cases, async (one) => {
        const open = await bring(one)
        await act(one.endpoint)
        await delay(LATE_MS)
        open()
        return settle(one, { state: one.kind === 'a replacement' ? 'new' : 'old', status: 'COMPLETED' })
      })
      await Promise.all(cases.map(undeploy))
      expect(left).toEqual([])
    },
    300_000,
  )

  test('reset a stop to where it stood', async () => {
    const steps = [step('standDown', 'after'), step('giveBackEverywhere', 'before'), step('retire', 'before'), step('retire', 'after')]
    const left = await all(
      casesOf(() => true, steps),
      async (one) => {
        await (await deploy(one.endpoint, OLD)).result()
        const hold = holdUp(holds, one.endpoint, one.step)
        const stopped = await cluster.aim.undeploy({ endpoint: one.endpoint, graceSeconds: 0 })
        stopped.result().catch(() => undefined)
        await waitFor(one.name, hold.isReached, PATIENCE_MS)
        await resetTo('last', 'undeploy')(one.endpoint)
        await delay(LATE_MS)
        hold.open()
        const result = await workflow(`undeploy/${one.endpoint}`).result()
        return [...(await settle(one, { state: 'nothing' })), ...(result ? [] : ['it has no result'])]
      },
    )
    expect(left).toEqual([])
  }, 300_000)

  test.each([['the same', {}] as const, ['another one', { context: 2048 }] as const])(
    'terminate it and deploy %s',
    async (_, change) => {
      const cases = casesOf(() => true)
      const left = await all(cases, async (one) => {
        const open = await bring(one)
        await deployOf(one.endpoint).terminate('by hand')
        const again = await deploy(one.endpoint, { ...requestOf(one), ...change })
        await delay(LATE_MS)
        open()
        await again.result()
        return settle(one, { status: 'COMPLETED' })
      })
      await Promise.all(cases.map(undeploy))
      expect(left).toEqual([])
    },
    300_000,
  )
})

describe('for all that is under way at the same time', () => {
  test.each([
    [
      'kill -9 of the node’s worker',
      async () => {
        await node.kill('SIGKILL')
        await startNode()
      },
      true,
    ],
    ['another control worker', () => cluster.restartControl(), true],
    ['the end of the node’s owner', () => workflow(`node/${nodeId}`).terminate('by hand'), false],
  ] as const)(
    '%s',
    async (_, act, completes) => {
      const cases = casesOf(() => true)
      // All stand still together: a look at a node is not waited for as long as a first deploy takes.
      await Promise.all(cases.map(serveBefore))
      const opened = await Promise.all(cases.map(holdUpAt))
      await act()
      await delay(LATE_MS)
      for (const open of opened) open()
      const left = await all(cases, (one) =>
        settle(one, completes ? { state: one.kind === 'a replacement' ? 'new' : 'old', status: 'COMPLETED' } : {}),
      )
      await Promise.all(cases.map(undeploy))
      expect(left).toEqual([])
    },
    300_000,
  )
})
