/**
 * A node worker in a process of its own, to be killed by a test, whose engines are processes of the test engine and outlive it. A test may hold up
 * what it does for a deploy. Prints a JSON line once it is attended. Run as: node --import typescript-loader.mjs held-node-child.ts <JSON of HeldNode>
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { nodeActivities, nodeWatchActivities } from '../../activities/node/index.js'
import { createEngineClient } from '../../src/adapters/engine-client/index.js'
import { createFenceStore } from '../../src/adapters/fences/create-fence-store.js'
import { createProcessLauncher } from '../../src/adapters/launchers/process/index.js'
import { createNodeDesk } from '../../src/adapters/temporal/node-desk.js'
import { nodeQueue, watchQueue } from '../../src/contracts/task-queues.js'
import type { EngineSpec } from '../../src/domain/engine.js'
import type { Bind } from '../../src/engines/engine.js'
import type { WeightStore } from '../../src/ports/weight-store.js'
import { FakeCache, FakeLedger } from './fake-caches.js'
import { fakeProbe, uniqueName } from './fakes.js'
import { heldUp, standAt } from './holds.js'

/** `home`: where its engines, weights and fences lie; `holds`: where a test holds up what it does. */
export type HeldNode = { address: string; namespace: string; nodeId: string; home: string; holds: string; ports: string }

const ENGINE = fileURLToPath(new URL('test-engine/engine.mjs', import.meta.url))

const { address, namespace, nodeId, home, holds, ports: range } = JSON.parse(process.argv[2] ?? '') as HeldNode
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  shutdownSignals: [],
  telemetryOptions: { logging: { forward: {}, filter: 'temporalio_sdk_core=error' } },
})
const connection = await NativeConnection.connect({ address })
const fences = createFenceStore({ file: join(home, 'fences.json'), nodeId })
const identity = { nodeId, hostname: 'child', machineId: 'm', bootId: 'b', instance: uniqueName('instance') }
const client = new Client({ connection: await Connection.connect({ address }), namespace })
const desk = createNodeDesk(client, async () => ({
  ...identity,
  gpus: [],
  labels: {},
  simulated: true,
  highestFence: await fences.highest(),
  graceSeconds: 60,
}))
const ports = {
  nodeId,
  namespace,
  probe: { inspect: async () => ({ ...(await fakeProbe.inspect()), simulated: true }) },
  weights: weightsBelow(join(home, 'weights')),
  cache: new FakeCache(),
  ledger: new FakeLedger(),
  cachePolicy: { order: 'lru' },
  launcher: createProcessLauncher({ dir: join(home, 'engines'), command: testEngine, ports: range }),
  fences,
  client: createEngineClient(),
  hangMs: 60_000,
  desk,
} as const
const common = { connection, namespace, maxHeartbeatThrottleInterval: '200 ms' } as const
const workers = await Promise.all([
  Worker.create({ ...common, taskQueue: nodeQueue(nodeId), activities: heldUp(holds, nodeActivities(ports), true) }),
  Worker.create({ ...common, taskQueue: watchQueue(nodeId), activities: nodeWatchActivities(ports) }),
])
const running = Promise.all(workers.map((worker) => worker.run()))
await desk.open()
process.stdout.write(`${JSON.stringify({ instance: identity.instance })}\n`)
await running

function testEngine({ modelPath, servedName }: EngineSpec, { host, port }: Bind) {
  const flags = ['--served-model-name', servedName, '--host', host, '--port', `${port}`]
  return { argv: [process.execPath, ENGINE, 'serve', modelPath, ...flags] as [string, ...string[]], env: {} }
}

/** Weights that are folders. One that is on its way lies half-written beside its place. */
function weightsBelow(dir: string): WeightStore {
  const pathOf = ({ repo }: { repo: string }) => join(dir, repo.replace('/', '--'))
  return {
    find: async () => null,
    async ensure(model, _files, { endpoint }) {
      const path = pathOf(model)
      const weights = { repo: model.repo, commit: model.commit, path, bytes: 100, sources: {} }
      if (existsSync(path)) return { ...weights, fetchedBytes: 0, cache: 'hit' }
      mkdirSync(dir, { recursive: true })
      writeFileSync(`${path}.part`, '')
      await standAt(holds, endpoint ?? '', { activity: 'ensureWeights', when: 'within' }, true)
      mkdirSync(path)
      rmSync(`${path}.part`, { force: true })
      return { ...weights, fetchedBytes: 100, cache: 'miss' }
    },
    discardPartial: async (model) => rmSync(`${pathOf(model)}.part`, { force: true }),
  }
}
