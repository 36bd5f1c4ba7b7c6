import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { tsToMs } from '@temporalio/common/lib/time.js'
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker'
import { median, round, type Bench } from './figure.js'
import { ENDPOINT, withSampleStack } from './sample-stack.js'

const RUNS = 9
const BAR_MS = 600
const BAR_RATIO = 2
/** Starting the engine and waiting for its answer is the engine's time, not ours. */
const ENGINE_ACTIVITIES = ['launchEngine', 'proveReady']
const QUEUES = ['bench-empty', 'bench-empty-node']

type Measured = { outsideMs: number; queues: string[]; childQueues: string[] }

/** What the flow itself adds to a warm deploy, against a flow of as many empty activities, some of them in a child as ours, on the same server in the same run. */
export const overhead: Bench = {
  name: 'overhead',
  about: 'time of a warm deploy outside engine start and probe, against as many empty activities',
  run: (note) =>
    withSampleStack(async ({ address, aim, deploy }) => {
      const connection = await Connection.connect({ address })
      const client = new Client({ connection })
      const stopPeers = await startPeers(address)
      try {
        await deploy()
        const deploys: number[] = []
        const empties: number[] = []
        for (let run = 0; run < RUNS; run += 1) {
          await aim('stop', ENDPOINT)
          await deploy()
          const { outsideMs, queues, childQueues } = await measure(client)
          deploys.push(outsideMs)
          empties.push(await emptyRun(client, queues, childQueues))
          const count = queues.length + childQueues.length
          note(`run ${run + 1}: deploy ${outsideMs} ms, ${count} empty activities and an empty child ${empties.at(-1)} ms`)
        }
        const [value, peer] = [round(median(deploys)), round(median(empties))]
        const holds = value <= BAR_MS && value <= BAR_RATIO * peer
        return [
          {
            name: 'deploy overhead',
            value,
            unit: 'ms',
            peer: { name: 'as many empty activities, with a child', value: peer },
            bar: `<= ${BAR_MS} ms and <= ${BAR_RATIO}x`,
            holds,
          },
        ]
      } finally {
        await stopPeers()
        await connection.close()
      }
    }),
}

/** Times by the server's own clock, out of the histories of the last deploy and of its child; and where each of their activities ran. */
async function measure(client: Client): Promise<Measured> {
  const deploy = await lookAt(client, `deploy/${ENDPOINT}`)
  const child = await lookAt(client, `deploy/${ENDPOINT}/fallback/1`)
  return { outsideMs: deploy.wholeMs - deploy.engineMs - child.engineMs, queues: deploy.queues, childQueues: child.queues }
}

async function lookAt(client: Client, workflowId: string): Promise<{ wholeMs: number; engineMs: number; queues: string[] }> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
  const at = (index: number) => tsToMs(events?.[index]?.eventTime)
  const scheduled = new Map<string, { type: string; control: boolean }>()
  const startedMs = new Map<string, number>()
  let engineMs = 0
  for (const [index, event] of (events ?? []).entries()) {
    const begun = event.activityTaskScheduledEventAttributes
    if (begun)
      scheduled.set(String(event.eventId), { type: begun.activityType?.name ?? '', control: begun.taskQueue?.name === 'aim-control' })
    const start = event.activityTaskStartedEventAttributes
    if (start) startedMs.set(String(start.scheduledEventId), at(index))
    const end = event.activityTaskCompletedEventAttributes
    const activity = end && scheduled.get(String(end.scheduledEventId))
    if (end && activity && ENGINE_ACTIVITIES.includes(activity.type))
      engineMs += at(index) - (startedMs.get(String(end.scheduledEventId)) ?? Number.NaN)
  }
  const queues = [...scheduled.values()].map(({ control }) => QUEUES[control ? 0 : 1] ?? '')
  return { wholeMs: at((events?.length ?? 0) - 1) - at(0), engineMs, queues }
}

async function emptyRun(client: Client, queues: string[], childQueues: string[]): Promise<number> {
  const args = [queues, childQueues]
  const handle = await client.workflow.start('emptyFlow', { workflowId: `empty-${Date.now()}`, taskQueue: QUEUES[0] ?? '', args })
  await handle.result()
  const { startTime, closeTime } = await handle.describe()
  return (closeTime?.getTime() ?? Number.NaN) - startTime.getTime()
}

/** Workers of the same kind as ours: one that runs the flow and activities, one for the node's. */
async function startPeers(address: string): Promise<() => Promise<void>> {
  const logger = new DefaultLogger('ERROR')
  Runtime.install({ logger, shutdownSignals: [] })
  const connection = await NativeConnection.connect({ address })
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('empty-flow.js', import.meta.url)), logger })
  const activities = { nothing: async () => {} }
  const workers = await Promise.all([
    Worker.create({ connection, taskQueue: QUEUES[0] ?? '', workflowBundle, activities }),
    Worker.create({ connection, taskQueue: QUEUES[1] ?? '', activities }),
  ])
  const running = Promise.all(workers.map((worker) => worker.run()))
  return async () => {
    for (const worker of workers) worker.shutdown()
    await running
    await connection.close()
  }
}
