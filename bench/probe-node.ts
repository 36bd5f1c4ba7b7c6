/**
 * A node worker whose engines are not there: its watches do nothing but beat, as those of healthy engines. For the benchmark of many endpoints.
 * Run as: node probe-node.js <address> <nodeId>
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Context } from '@temporalio/activity'
import { NativeConnection, Worker } from '@temporalio/worker'
import { watchQueue } from '../src/contracts/task-queues.js'
import { installRuntime } from '../src/worker/runtime.js'

const [address = '', nodeId = ''] = process.argv.slice(2)
/** As often as the watch of a real engine. */
const BEAT_MS = 20_000

installRuntime((line) => void process.stderr.write(`${line}\n`))
const connection = await NativeConnection.connect({ address })
const worker = await Worker.create({
  connection,
  taskQueue: watchQueue(nodeId),
  activities: {
    async watchEngine(): Promise<never> {
      const { cancellationSignal: signal, heartbeat } = Context.current()
      for (;;) {
        heartbeat()
        await delay(BEAT_MS, undefined, { signal })
      }
    },
  },
  maxConcurrentActivityTaskExecutions: 2_000,
  maxConcurrentActivityTaskPolls: 2,
})
process.once('SIGTERM', () => worker.shutdown())
await worker.run()
await connection.close()
