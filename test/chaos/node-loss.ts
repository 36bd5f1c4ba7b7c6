/**
 * Cuts off the node that serves an endpoint, whose weights another node has too, and measures until a replica elsewhere completes a request.
 * Prints a JSON line with the seconds of each time. A part of `npm run bench -- node-loss`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CONTROL_QUEUE } from '../../src/contracts/task-queues.js'
import { waitFor } from '../support/wait-for.js'
import { startChaosCluster, type ChaosCluster } from './cluster.js'
import { viewOf } from './facts.js'
import { deploy, stop } from './operations.js'
import { onMachines } from './on-machines.js'
import { NODES, type NodeName, type PlannedEndpoint } from './schedule.js'

const TIMES = 5
const GRACE_SECONDS = 10
const LIMIT_MS = 120_000
const MODEL = 'org/tiny'
const planned: PlannedEndpoint = { name: 'moves', model: MODEL, gpus: 1, standing: true, deployAfterMs: 0, stopAfterMs: null }

process.exitCode = await onMachines(async (machines, root) => {
  if (Object.values(machines.nodes).some(({ cable }) => cable.length === 0)) throw new Error('a node can only be cut off as root')
  const cluster = await startChaosCluster(machines, root, { AIM_NODE_GRACE_SECONDS: String(GRACE_SECONDS) })
  try {
    await cluster.client.workflow.execute('warmCache', {
      taskQueue: CONTROL_QUEUE,
      workflowId: `warm/${MODEL}`,
      args: [{ model: MODEL, nodes: [...NODES] }],
    })
    const seconds: number[] = []
    for (let time = 0; time < TIMES; time += 1) seconds.push(await loseOnce(cluster))
    process.stdout.write(`${JSON.stringify({ seconds, graceSeconds: GRACE_SECONDS })}\n`)
    return 0
  } finally {
    await cluster.close()
  }
})

/** Its engine goes on there, as behind a broken switch: only nobody hears of it. */
async function loseOnce(cluster: ChaosCluster): Promise<number> {
  const { client, nodes } = cluster
  const { done, workflowId } = deploy(client, planned)
  await done
  const before = (await viewOf(client, planned.name))?.replica?.nodeId as NodeName | undefined
  if (before === undefined) throw new Error(`${workflowId} did not end well`)
  cluster.link(before, 'down')
  const lost = performance.now()
  await waitFor(
    'a replica elsewhere',
    async () => {
      const replica = (await viewOf(client, planned.name))?.replica
      if (replica === null || replica === undefined || replica.nodeId === before) return false
      const body = { model: planned.name, prompt: 'ping', max_tokens: 1 }
      return (await nodes[replica.nodeId as NodeName].reach.post(`${replica.url}/v1/completions`, body)) !== null
    },
    LIMIT_MS,
  )
  const seconds = (performance.now() - lost) / 1_000
  process.stderr.write(`${before} lost, served elsewhere after ${seconds.toFixed(1)} s\n`)
  cluster.link(before, 'up')
  await sleep(GRACE_SECONDS * 1_000)
  await stop(client, planned.name).done
  return seconds
}
