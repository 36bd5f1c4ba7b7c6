/**
 * A node worker in a process of its own, to be killed by a test: it takes up its share of a warm-up and never ends it. Prints a JSON line
 * with the files when it begins. Run as: node --import typescript-loader.mjs warm-node-child.ts <address> <namespace> <nodeId>
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { nodeActivities } from '../../activities/node/index.js'
import { nodeQueue } from '../../src/contracts/task-queues.js'
import { FakeCache, FakeLedger, FakeNetwork, NodeWeights } from './fake-caches.js'
import { FakeFences, FakeMachine, fakeProbe } from './fakes.js'

const [address = '', namespace = '', nodeId = ''] = process.argv.slice(2)
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })
const connection = await NativeConnection.connect({ address })
const weights = new NodeWeights(nodeId, new FakeNetwork())
weights.ensuring = (paths) => {
  print({ paths })
  return new Promise(() => {})
}
const machine = new FakeMachine()
const worker = await Worker.create({
  connection,
  namespace,
  taskQueue: nodeQueue(nodeId),
  activities: nodeActivities({
    nodeId,
    namespace,
    probe: { inspect: async () => ({ ...(await fakeProbe.inspect()), peerUrl: `http://${nodeId}.test` }) },
    weights,
    cache: new FakeCache(),
    ledger: new FakeLedger(),
    cachePolicy: { order: 'lru' },
    launcher: machine,
    fences: new FakeFences(),
    client: machine,
    hangMs: 60_000,
  }),
})
const running = worker.run()
print({ runs: true })
await running

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
