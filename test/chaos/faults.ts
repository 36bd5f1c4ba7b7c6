import { randomUUID } from 'node:crypto'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { workflowIds } from '../../src/contracts/workflow-ids.js'
import type { RunningEngine } from './invariants.js'
import { withFakeTime, stepClock } from './clock.js'
import type { ChaosCluster } from './cluster.js'
import { viewOf } from './facts.js'
import { deploy, follow, patiently, type Operation } from './operations.js'
import { runningEngines } from './processes.js'
import { GPUS, NODES, type FaultName, type NodeName, type Schedule } from './schedule.js'

export type Strike = {
  cluster: ChaosCluster
  schedule: Schedule
  /** Operations that the fault itself starts. */
  started: (operation: Operation) => void
}

/** `before`: what must be so that it can strike. `strike` answers what ends it. `after`: takes back what stays when it has ended. */
type Fault = {
  before?: (strike: Strike) => Promise<void>
  strike: (strike: Strike) => Promise<() => Promise<void>>
  after?: (strike: Strike) => Promise<void>
}

const nothing = async (): Promise<void> => {}
const MIB = 2 ** 20

export const STRIKES: Record<FaultName, Fault> = {
  'control worker killed': {
    async strike({ cluster: { control } }) {
      await control.end('SIGKILL')
      return () => control.start()
    },
  },

  'node worker killed': {
    async strike({ cluster, schedule }) {
      const { program } = cluster.nodes[schedule.node]
      await program.end('SIGKILL')
      return () => program.start()
    },
  },

  'Temporal killed': {
    async strike({ cluster: { temporal, client } }) {
      process.kill(temporal.pid, 'SIGKILL')
      // Whoever owns it starts it again.
      return async () => void (await patiently(() => client.workflow.count()))
    },
  },

  'engine killed': {
    async strike({ cluster, schedule }) {
      for (const { pids } of enginesOf(cluster, schedule)) signal(pids, 'SIGKILL')
      return nothing
    },
  },

  'engine hangs': {
    async strike({ cluster, schedule }) {
      // Either the whole engine stands still, port open, or its front answers and completes nothing.
      for (const { pids } of enginesOf(cluster, schedule)) {
        if (schedule.variant % 2 === 0) signal(pids, 'SIGSTOP')
        else await tellEngine(cluster, schedule.endpoint, { hang: 'engine' })
      }
      return nothing
    },
  },

  'node cut off': {
    async strike({ cluster, schedule: { node } }) {
      cluster.link(node, 'down')
      return async () => cluster.link(node, 'up')
    },
    after: async ({ cluster, schedule: { node } }) => cluster.link(node, 'up'),
  },

  'GPU gone': {
    async strike({ cluster, schedule }) {
      const [engine] = enginesOf(cluster, schedule)
      if (engine === undefined) return nothing
      const gpu = Math.max(...engine.gpus)
      // The last one falls off the bus: no other is numbered anew. Any other stays in sight with errors in its memory.
      cluster.equip(engine.nodeId as NodeName, { gpu, as: gpu === GPUS - 1 && schedule.variant % 2 === 0 ? 'gone' : 'broken' })
      await tellEngine(cluster, schedule.endpoint, { dieAfter: 0, dieAs: 'gpu_fault' })
      await askEngine(cluster, schedule.endpoint)
      return nothing
    },
    after: async ({ cluster }) => NODES.forEach((node) => cluster.equip(node)),
  },

  'disk full': {
    before: emptyCaches,
    async strike({ cluster, schedule: { node, variant } }) {
      for (const name of variant % 3 === 0 ? NODES : [node]) fillDisk(cluster.nodes[name].hf)
      return nothing
    },
    after: async ({ cluster }) => NODES.forEach((name) => rmSync(join(cluster.nodes[name].hf, FILLER), { force: true })),
  },

  'started twice': {
    async strike({ cluster, schedule, started }) {
      const planned = schedule.endpoints.find(({ name }) => name === schedule.endpoint)
      if (planned === undefined) return nothing
      for (let count = 0; count <= schedule.variant % 4; count += 1) {
        started(deploy(cluster.client, planned, `again-${count}-${planned.name}`))
      }
      return nothing
    },
  },

  'terminated by hand': {
    async strike({ cluster: { client }, schedule: { endpoint, variant } }) {
      const child = variant % 2 === 0 ? await openChild(client, endpoint) : null
      await client.workflow
        .getHandle(child ?? workflowIds.deploy(endpoint))
        .terminate('by hand')
        .catch(unlessClosed)
      return nothing
    },
  },

  'reset by hand': {
    async strike({ cluster: { client }, schedule: { endpoint }, started }) {
      await resetToStart(client, workflowIds.deploy(endpoint))
      // It may have ended before, even called off by a stop: whoever resets it wants it again.
      started(follow(client, endpoint, workflowIds.deploy(endpoint)))
      return nothing
    },
  },

  'clock stepped': {
    before: ({ cluster, schedule }) => withFakeTime(cluster, programOf(schedule), 'begin'),
    async strike({ cluster, schedule: { variant } }) {
      stepClock(cluster.root, variant % 2 === 0 ? 600 : -600)
      return async () => stepClock(cluster.root, 0)
    },
    after: ({ cluster, schedule }) => withFakeTime(cluster, programOf(schedule), 'end'),
  },

  'slow hub': {
    before: emptyCaches,
    async strike({ cluster: { hub }, schedule: { variant } }) {
      const path = /\/resolve\//
      hub.misbehave(
        variant % 2 === 0 ? { kind: 'slow', bytesPerSecond: 100_000 + variant * 1_000 } : { kind: 'hold', after: variant * 1_000 },
        {
          path,
          method: 'GET',
        },
      )
      return async () => hub.behave()
    },
    after: async ({ cluster: { hub } }) => hub.behave(),
  },
}

/** Whose clock it is: the control worker's, or that of a node's worker. */
const programOf = ({ node, variant }: Schedule): NodeName | 'control' => (variant % 3 === 0 ? 'control' : node)

function enginesOf({ root }: ChaosCluster, { endpoint }: Schedule): RunningEngine[] {
  return runningEngines(root).filter(({ key }) => key.endpoint === endpoint)
}

function signal(pids: number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

async function tellEngine(cluster: ChaosCluster, endpoint: string, change: object): Promise<void> {
  const view = await viewOf(cluster.client, endpoint)
  if (view?.replica) await cluster.nodes[view.replica.nodeId as NodeName].reach.post(`${view.replica.url}/test/behave`, change)
}

async function askEngine(cluster: ChaosCluster, endpoint: string): Promise<void> {
  const view = await viewOf(cluster.client, endpoint)
  const body = { model: endpoint, prompt: 'ping', max_tokens: 1 }
  if (view?.replica) await cluster.nodes[view.replica.nodeId as NodeName].reach.post(`${view.replica.url}/v1/completions`, body)
}

/** So that there is something to fetch. Nothing is deployed yet. */
async function emptyCaches({ cluster }: Strike): Promise<void> {
  for (const name of NODES) rmSync(join(cluster.nodes[name].hf, 'hub'), { recursive: true, force: true })
}

const FILLER = 'filler'
function fillDisk(path: string): void {
  const { bavail, bsize } = statfsSync(path)
  const bytes = Math.min(bavail * bsize, 64 * MIB) - 2 * MIB
  if (bytes > 0) writeFileSync(join(path, FILLER), Buffer.alloc(bytes))
}

/** The flow that a deploy has under way for it. */
async function openChild(client: Client, endpoint: string): Promise<string | null> {
  const query = `WorkflowType = 'recipeFallback' AND ExecutionStatus = 'Running'`
  for await (const { workflowId } of client.workflow.list({ query })) {
    if (workflowId.startsWith(`${workflowIds.deploy(endpoint)}/`)) return workflowId
  }
  return null
}

/** As `temporal workflow reset --type FirstWorkflowTask` does it. */
async function resetToStart(client: Client, workflowId: string): Promise<void> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
  const first = events?.find(({ workflowTaskCompletedEventAttributes: completed }) => completed)
  if (first?.eventId === undefined) return // it has not begun: there is nothing to go back to
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    reason: 'by hand',
    workflowTaskFinishEventId: first.eventId,
    requestId: randomUUID(),
  })
}

function unlessClosed(error: unknown): void {
  if (!(error instanceof Error && error.name === 'WorkflowNotFoundError')) throw error
}
