/**
 * A node worker in a process of its own, to be killed by a test, with engines that outlive it and fences on a disk. Prints a JSON line once it is
 * attended. Run as: node --import typescript-loader.mjs node-child.ts <JSON of ChildNode>
 */
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { nodeActivities, nodeWatchActivities } from '../../activities/node/index.js'
import { createFenceStore } from '../../src/adapters/fences/create-fence-store.js'
import { createProcessLauncher } from '../../src/adapters/launchers/process/index.js'
import { createNodeDesk } from '../../src/adapters/temporal/node-desk.js'
import { nodeQueue, watchQueue } from '../../src/contracts/task-queues.js'
import { FakeCache, FakeLedger, FakeNetwork, NodeWeights } from './fake-caches.js'
import { FakeMachine, fakeProbe, uniqueName } from './fakes.js'
import { aGpu } from './gpus.js'

/** `home`: where its engines and fences lie. */
export type ChildNode = { address: string; namespace: string; nodeId: string; home: string; gpus: number; graceSeconds: number }

const { address, namespace, nodeId, home, gpus, graceSeconds } = JSON.parse(process.argv[2] ?? '') as ChildNode
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })
const connection = await NativeConnection.connect({ address })
const fences = createFenceStore({ file: join(home, 'fences.json'), nodeId })
const cards = Array.from({ length: gpus }, (_, index) => aGpu({ index, card: index }))
const identity = { nodeId, hostname: 'child', machineId: 'm', bootId: 'b', instance: uniqueName('instance') }
const client = new Client({ connection: await Connection.connect({ address }), namespace })
const desk = createNodeDesk(client, async () => ({
  ...identity,
  gpus: cards.map(({ index, model, vramTotalBytes, bdf }) => ({ index, model, vramTotalBytes, bdf })),
  labels: {},
  simulated: true,
  highestFence: await fences.highest(),
  graceSeconds,
}))
const ports = {
  nodeId,
  namespace,
  probe: { inspect: async () => ({ ...(await fakeProbe.inspect()), gpus: cards, simulated: true }) },
  weights: new NodeWeights(nodeId, new FakeNetwork()),
  cache: new FakeCache(),
  ledger: new FakeLedger(),
  cachePolicy: { order: 'lru' },
  launcher: createProcessLauncher({ dir: join(home, 'engines'), command: idle, ports: '22000-22999' }),
  fences,
  client: new FakeMachine(),
  hangMs: 60_000,
  desk,
} as const
const common = { connection, namespace, maxHeartbeatThrottleInterval: '200 ms' } as const
const workers = await Promise.all([
  Worker.create({ ...common, taskQueue: nodeQueue(nodeId), activities: nodeActivities(ports) }),
  Worker.create({ ...common, taskQueue: watchQueue(nodeId), activities: nodeWatchActivities(ports) }),
])
const running = Promise.all(workers.map((worker) => worker.run()))
await desk.open()
process.stdout.write(`${JSON.stringify({ instance: identity.instance })}\n`)
await running

/** Every engine is a process that does nothing. */
function idle() {
  return { argv: [process.execPath, '-e', 'setInterval(() => {}, 1e9)'] as [string, ...string[]], env: {} }
}
