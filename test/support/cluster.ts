import { Client, Connection } from '@temporalio/client'
import { msToTs } from '@temporalio/common/lib/time.js'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { controlActivities, controlWaitActivities } from '../../activities/control/index.js'
import { nodeActivities, nodeWatchActivities } from '../../activities/node/index.js'
import { compiledFile } from '../../src/adapters/compiled.js'
import { createCluster } from '../../src/adapters/temporal/cluster.js'
import { createNodeOwners } from '../../src/adapters/temporal/node-owners.js'
import { createNodeDesk } from '../../src/adapters/temporal/node-desk.js'
import { registerNode } from '../../src/adapters/temporal/nodes.js'
import { createAimClient } from '../../src/client/aim-client.js'
import { CONTROL_QUEUE, WAIT_QUEUE, nodeQueue, watchQueue } from '../../src/contracts/task-queues.js'
import type { Registration } from '../../src/contracts/node-owner.js'
import type { NodeInspection } from '../../src/domain/node.js'
import type { NodeProbe } from '../../src/ports/node-probe.js'
import { FakeCache, FakeLedger, FakeNetwork, NodeWeights } from './fake-caches.js'
import { FakeFences, FakeMachine, FakeRecords, FakeWeights, fakeHub, fakePolicy, fakeProbe, fakeRecipes, uniqueName } from './fakes.js'
import { temporalAddress } from './temporal-address.js'

type Control = ReturnType<typeof controlActivities>
type Options = {
  /** Puts itself in the way of the control worker's activities. */
  control?: (activities: Control) => Control
  /** Few on purpose: no flow may hold one while it waits for another. */
  slots?: number
}

/** One cluster for a test file: a real Temporal server in a namespace of its own, real workers, fake machines. */
export async function startCluster({ control = (activities) => activities, slots = 2 }: Options = {}) {
  const address = temporalAddress()
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: 'temporalio_sdk_core=error' } },
  })
  const namespace = uniqueName('test')
  const nodeId = uniqueName('node')
  const [connection, native] = await Promise.all([Connection.connect({ address }), NativeConnection.connect({ address })])
  await createNamespace(connection, namespace)
  const client = new Client({ connection, namespace, identity: 'tester@bench' })
  const machine = new FakeMachine()
  const weights = new FakeWeights()
  const records = new FakeRecords()
  const hub = fakeHub()
  const cache = new FakeCache()
  const ledger = new FakeLedger()
  const network = new FakeNetwork()
  const ports = {
    nodeId,
    namespace,
    probe: fakeProbe,
    weights,
    cache,
    ledger,
    cachePolicy: OWN_POLICY,
    launcher: machine,
    fences: new FakeFences(),
    client: machine,
    hangMs: 2_000,
  }
  const desk = createNodeDesk(client, describer(nodeId, fakeProbe), async () => (await fakeProbe.inspect()).gpus)
  const common = { connection: native, namespace, maxHeartbeatThrottleInterval: '200 ms' } as const
  const startControl = async () => {
    const workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: CONTROL_QUEUE,
        maxConcurrentActivityTaskExecutions: slots,
        workflowBundle: { codePath: compiledFile('../workflow-bundle.js') },
        activities: control(
          controlActivities({
            cluster: createCluster(client),
            owners: createNodeOwners(client),
            hub,
            records,
            recipes: fakeRecipes,
            policy: fakePolicy,
          }),
        ),
      }),
      Worker.create({ ...common, taskQueue: WAIT_QUEUE, activities: controlWaitActivities({ cluster: createCluster(client) }) }),
    ])
    return { workers, running: Promise.all(workers.map((worker) => worker.run())) }
  }
  let controls = await startControl()
  const stopControl = async () => {
    for (const worker of controls.workers) worker.shutdown()
    await controls.running
  }
  const workers = await Promise.all([
    Worker.create({ ...common, taskQueue: nodeQueue(nodeId), activities: nodeActivities(ports) }),
    Worker.create({ ...common, taskQueue: watchQueue(nodeId), activities: nodeWatchActivities({ ...ports, desk }) }),
  ])
  const running = Promise.all(workers.map((worker) => worker.run()))
  /** Known, and nobody attends it. */
  const register = (id: string) => registerNode(client, { ...fakeRegistration(id), turn: null })
  await desk.open()
  const desks = new Map([[nodeId, desk]])
  const machines = new Map([[nodeId, machine]])
  const added: (() => Promise<void>)[] = []
  return {
    client,
    aim: createAimClient(client, async () => {}),
    namespace,
    nodeId,
    machine,
    weights,
    records,
    cache,
    ledger,
    network,
    hub,
    /**
     * One node more, whose files others can fetch, with engines of its own. `leave` drains its workers, as a machine that is shut down, and
     * its engines go on; `join` is the next worker there.
     */
    async addNode(change: Partial<NodeInspection> = {}) {
      const id = change.nodeId ?? uniqueName('node')
      const store = new NodeWeights(id, network)
      const [kept, events, engines] = [new FakeCache(), new FakeLedger(), new FakeMachine(10_000 + 100 * added.length)]
      const inspect = async () => ({ ...(await fakeProbe.inspect()), peerUrl: `http://${id}.test`, ...change })
      const looked = async () => {
        engines.looking?.()
        return inspect()
      }
      const more = { nodeId: id, probe: { inspect: looked }, weights: store, cache: kept, ledger: events }
      const own = { ...ports, ...more, launcher: engines, client: engines, fences: new FakeFences() }
      machines.set(id, engines)
      let desk: ReturnType<typeof createNodeDesk> | undefined
      let [running, ended]: [Worker[], Promise<unknown>] = [[], Promise.resolve()]
      const join = async () => {
        desk = createNodeDesk(client, describer(id, { inspect }), async () => (await inspect()).gpus)
        const here = { ...own, desk }
        running = await Promise.all([
          Worker.create({ ...common, taskQueue: nodeQueue(id), activities: nodeActivities(here) }),
          Worker.create({ ...common, taskQueue: watchQueue(id), activities: nodeWatchActivities(here) }),
        ])
        ended = Promise.all(running.map((worker) => worker.run()))
        desks.set(id, desk)
        await desk.open()
      }
      const leave = async () => {
        desk?.close()
        for (const worker of running) if (worker.getState() === 'RUNNING') worker.shutdown()
        await ended
      }
      await join()
      added.push(leave)
      return { nodeId: id, weights: store, cache: kept, ledger: events, machine: engines, leave, join }
    },
    machineOf: (id: string): FakeMachine => machines.get(id) ?? machine,
    /** Makes the first node known again, after its owner was ended. */
    comeBack: () => desk.open(),
    /** A node that others run, or that does not answer. */
    registerNode: register,
    /** The cluster knows nothing of it any more. */
    forgetNode: async (id: string) => {
      desks.get(id)?.close() // a worker that lives makes its node known again
      await client.workflow.getHandle(`node/${id}`).terminate('by a test')
    },
    /** The control worker ends, as with Ctrl-C, and the next one goes on from the histories. */
    async restartControl() {
      await stopControl()
      controls = await startControl()
    },
    async stop() {
      desk.close()
      for (const leave of added) await leave()
      await stopControl()
      for (const worker of workers) worker.shutdown()
      await running
      await native.close()
      await connection.close()
      await Runtime.instance().shutdown()
    },
  }
}

/** What a fake node tells of itself: one process of one machine for each. */
function fakeRegistration(nodeId: string): Omit<Registration, 'turn'> {
  const identity = { nodeId, hostname: 'fake', machineId: 'm', bootId: 'b', instance: uniqueName('instance') }
  return { ...identity, gpus: [], labels: {}, simulated: false, highestFence: 0, graceSeconds: 5 }
}

function describer(nodeId: string, probe: NodeProbe): () => Promise<Omit<Registration, 'turn'>> {
  const told = fakeRegistration(nodeId)
  return async () => {
    const { gpus, labels } = await probe.inspect()
    return { ...told, labels, gpus: gpus.map(({ index, model, vramTotalBytes, bdf }) => ({ index, model, vramTotalBytes, bdf })) }
  }
}

/** What the settings of every node say. */
export const OWN_POLICY = { maxBytes: 1_000, order: 'lru' } as const

export type TestCluster = Awaited<ReturnType<typeof startCluster>>

async function createNamespace(connection: Connection, namespace: string): Promise<void> {
  const attributes = ['AimEndpoint', 'AimModel', 'AimRecipe', 'AimBackend', 'AimHardware', 'AimNode', 'AimState', 'AimActor']
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') })
  const searchAttributes = Object.fromEntries(attributes.map((name) => [name, 2]))
  for (let attempt = 0; ; attempt += 1) {
    try {
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes })
      return
    } catch (error) {
      if (attempt > 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 100)) // a new namespace is known to all parts of the server after a moment
    }
  }
}
