import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AimError } from '../../src/contracts/errors.js'
import { NODE_QUERY, type NodeView } from '../../src/contracts/node-owner.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { uniqueName } from '../support/fakes.js'
import { heldUp, holdUp, type Place } from '../support/holds.js'
import { until, waitFor } from '../support/wait-for.js'

/** Flows that a person resets in Temporal to where they stand. Every step of them: any-step.test.ts. */

let cluster: TestCluster
let holds: string
let endpoint: string

beforeAll(async () => {
  holds = await mkdtemp(join(tmpdir(), 'aim-reset-'))
  cluster = await startCluster({ control: (activities) => heldUp(holds, activities, false), slots: 20 })
})
afterAll(async () => {
  await cluster.stop()
  await rm(holds, { recursive: true, force: true })
})
beforeEach(() => {
  cluster.machine.startsAs = 'answers'
  endpoint = uniqueName('chat')
})

const workflow = (id: string) => cluster.client.workflow.getHandle(id)
const deploy = () => cluster.aim.deploy({ endpoint, model: 'org/name' })
const undeploy = async () => (await cluster.aim.undeploy({ endpoint, graceSeconds: 0 })).result()
const before = (activity: string): Place => ({ activity, when: 'before' })

/**
 * Lets a flow come to a place, resets it there to the last task that it completed, and waits until its lock has ended with the first run.
 * Answers how it goes on.
 */
async function resetAt(place: Place, workflowId: string, start: () => Promise<{ result(): Promise<unknown> }>): Promise<() => void> {
  const hold = holdUp(holds, endpoint, place)
  const started = await start()
  started.result().catch(() => undefined) // the run that is reset is terminated
  await waitFor(place.activity, hold.isReached)
  const { runId } = await workflow(workflowId).describe()
  const { events } = await cluster.client.workflow.getHandle(workflowId, runId).fetchHistory()
  await cluster.client.workflowService.resetWorkflowExecution({
    namespace: cluster.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'by hand',
    workflowTaskFinishEventId: events?.findLast((event) => event.workflowTaskCompletedEventAttributes)?.eventId ?? null,
    requestId: randomUUID(),
  })
  await until(async () => (await operation()) === null)
  return hold.open
}

const operation = () =>
  cluster.aim.endpoint(endpoint).then(
    ({ view }) => view?.operation ?? null,
    () => null, // nothing served and nothing is done there any more
  )

const leases = async () =>
  (await workflow(`node/${cluster.nodeId}`).query<NodeView>(NODE_QUERY)).leases.filter((lease) => lease.endpoint === endpoint)

test('a deploy starts over, as the one who started it, and what it did before stays in the history', async () => {
  const goOn = await resetAt(before('adoptReplica'), `deploy/${endpoint}`, deploy)
  goOn()
  expect(await workflow(`deploy/${endpoint}`).result()).toMatchObject({ outcome: 'deployed' })
  await until(async () => (await leases()).length === 1)
  expect(cluster.machine.running(endpoint)).toHaveLength(1)

  const records = await cluster.records.history(endpoint)
  const actors = new Set(records.map(({ actor }) => actor))
  expect([...actors]).toEqual(['tester@bench'])
  expect(records.map(({ state, attempts }) => [state, attempts.length])).toEqual([
    ['deployed', 1],
    ['failed', 1],
    ['failed', 0],
  ])
  await undeploy()
})

describe('a deploy that was reset after its tries had failed', () => {
  beforeEach(() => {
    // The first is tried again, and then there is nothing else to try.
    const words = ['OSError: [Errno 98] Address already in use', 'for another reason']
    cluster.machine.dies = () => words.shift() ?? 'for another reason'
  })
  afterEach(() => {
    cluster.machine.dies = () => null
  })
  const codes = async () => (await cluster.records.history(endpoint)).map(({ error }) => error?.code)

  test('starts over', async () => {
    const goOn = await resetAt(before('recordEnd'), `deploy/${endpoint}`, deploy)
    cluster.machine.dies = () => null
    goOn()
    expect(await workflow(`deploy/${endpoint}`).result()).toMatchObject({ outcome: 'deployed' })
    expect((await codes()).slice(0, 2)).toEqual([undefined, 'FallbackExhausted'])
    await undeploy()
  })

  test('fails as any other once it has started over', async () => {
    const goOn = await resetAt(before('recordEnd'), `deploy/${endpoint}`, deploy)
    goOn()
    await expect(workflow(`deploy/${endpoint}`).result()).rejects.toMatchObject({ cause: { type: 'EngineExited' } })
    expect((await codes()).slice(0, 2)).toEqual(['EngineExited', 'FallbackExhausted'])
  })
})

test('a deploy that failed by what no run before it had fails again', async () => {
  cluster.weights.ensuring = async () => {
    throw new AimError('DiskFull', { path: '/cache', needed: 2, free: 1 })
  }
  const goOn = await resetAt(before('recordEnd'), `deploy/${endpoint}`, deploy)
  cluster.weights.ensuring = null
  goOn()
  await expect(workflow(`deploy/${endpoint}`).result()).rejects.toMatchObject({ cause: { type: 'DiskFull' } })
})

test('a deploy whose child was terminated ends as it did, also at its undo', async () => {
  cluster.machine.startsAs = 'silent'
  const goOn = await resetAt(before('giveBackEverywhere'), `deploy/${endpoint}`, async () => {
    const started = await deploy()
    await until(() => cluster.machine.running(endpoint).length === 1)
    await workflow(`deploy/${endpoint}/fallback/1`).terminate('by hand')
    return started
  })
  goOn()
  await expect(workflow(`deploy/${endpoint}`).result()).rejects.toMatchObject({ cause: { type: 'Internal' } })
  expect((await cluster.records.history(endpoint)).map(({ error }) => error?.code)).toEqual(['Internal', 'Terminated'])
  expect(cluster.machine.running(endpoint)).toEqual([])
  expect(await leases()).toEqual([])
})

test('a stop starts over, and nothing serves when it says so', async () => {
  await (await deploy()).result()
  const goOn = await resetAt(before('retire'), `undeploy/${endpoint}`, () => cluster.aim.undeploy({ endpoint, graceSeconds: 0 }))
  goOn()
  await workflow(`undeploy/${endpoint}`).result()
  expect(cluster.machine.running(endpoint)).toEqual([])
  expect(await leases()).toEqual([])
  expect((await cluster.records.history(endpoint)).at(0)).toMatchObject({ kind: 'undeploy', state: 'stopped' })
})

test('a deploy that was stopped meanwhile does not start over', async () => {
  const goOn = await resetAt(before('adoptReplica'), `deploy/${endpoint}`, deploy)
  await undeploy()
  goOn()
  await expect(workflow(`deploy/${endpoint}`).result()).rejects.toThrow(/Workflow execution (cancelled|failed)/)
  await until(() => cluster.machine.running(endpoint).length === 0)
  expect(await leases()).toEqual([])
})
