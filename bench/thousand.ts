import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { freePorts } from '../src/config/free-ports.js'
import { loadSettings } from '../src/config/load.js'
import { DeployRequest } from '../src/contracts/deploy.js'
import { SuperviseInput } from '../src/contracts/supervise.js'
import { CONTROL_QUEUE } from '../src/contracts/task-queues.js'
import { workflowIds } from '../src/contracts/workflow-ids.js'
import { obtainTemporal } from '../src/embedded/obtain.js'
import { startTemporal } from '../src/embedded/server.js'
import { round, type Bench } from './figure.js'

const ENDPOINTS = 1_000
const WINDOW_S = 60
/** Starting them all is followed, some 50 s later, by three bursts of 20 s of processor on all cores and no event: most likely V8 that collects its heap. */
const SETTLE_S = 120
const BAR_PERCENT = 30
const BAR_EVENTS = 60
const DAY_S = 86_400
const NODE = 'probe'
/** Clock ticks of /proc in a second. */
const TICKS = 100

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** What many endpoints cost while nothing happens: one control worker, watches on another process, and the server apart. */
export const thousand: Bench = {
  name: 'thousand',
  about: `${ENDPOINTS} supervised endpoints on one control worker, idle for ${WINDOW_S} s`,
  async run(note) {
    const folder = mkdtempSync(join(tmpdir(), 'aim-bench-thousand-'))
    const { temporalBin, cacheDir } = loadSettings().settings
    const { path } = await obtainTemporal({ temporalBin, cacheDir, onProgress: note })
    const [port = 0, uiPort = 0] = await freePorts(2)
    mkdirSync(join(folder, 'logs'))
    const server = await startTemporal({
      program: path,
      dir: join(folder, 'temporal'),
      port,
      uiPort,
      namespace: 'default',
      log: join(folder, 'logs', 'temporal.log'),
    })
    const env = { ...process.env, AIM_HOME: join(folder, 'home'), HF_HOME: join(folder, 'hf'), TEMPORAL_ADDRESS: server.address }
    const control = spawn(process.execPath, [program('control-worker.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const node = spawn(process.execPath, [program('probe-node.js'), server.address, NODE], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    const connection = await Connection.connect({ address: server.address })
    try {
      if (control.stdout !== null) await once(control.stdout, 'data')
      const client = new Client({ connection })
      const names = Array.from({ length: ENDPOINTS }, (_, index) => `e${index}`)
      await each(names, (name) => start(client, name))
      await untilWatched(client, names)
      note(`${ENDPOINTS} endpoints are watched`)
      await sleep(SETTLE_S * 1_000)
      const before = { control: cpuSeconds(control.pid), server: cpuSeconds(server.pid), events: await eventsOf(client, names) }
      const begun = performance.now()
      await sleep(WINDOW_S * 1_000)
      const seconds = (performance.now() - begun) / 1_000
      const used = { control: cpuSeconds(control.pid) - before.control, server: cpuSeconds(server.pid) - before.server }
      const events = (await eventsOf(client, names)) - before.events
      note(`${events} events in ${round(seconds)} s; resident ${residentMb(control.pid)} MB`)
      const percent = round((100 * used.control) / seconds)
      // Events of all in the window, for each endpoint, as many windows as a day has.
      const perDay = round(((events / ENDPOINTS) * DAY_S) / seconds)
      return [
        {
          name: `control worker with ${ENDPOINTS} idle endpoints`,
          value: percent,
          unit: '% of a core',
          peer: { name: 'its Temporal server', value: round((100 * used.server) / seconds) },
          bar: `<= ${BAR_PERCENT} %`,
          holds: percent <= BAR_PERCENT,
        },
        {
          name: 'history of an idle endpoint',
          value: perDay,
          unit: 'events a day',
          peer: null,
          bar: `<= ${BAR_EVENTS}`,
          holds: perDay <= BAR_EVENTS,
        },
      ]
    } finally {
      await connection.close()
      await Promise.all([control, node].map(end))
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** An endpoint as its workflow goes on with it after a month: it serves, and nothing has happened. */
async function start(client: Client, endpoint: string): Promise<void> {
  const key = { namespace: 'default', endpoint, replica: 0, fence: 1, launch: 1 }
  const engine = { backend: 'vllm', servedName: endpoint, modelPath: '/weights', port: 9_000, gpus: [0], args: {}, env: {} } as const
  const replica = { key, nodeId: NODE, spec: engine, url: 'http://127.0.0.1:9000', pid: 1, weightBytes: 1 }
  const revision = {
    revision: 1,
    model: 'org/name',
    commit: 'a'.repeat(40),
    recipe: 'r',
    specFingerprint: 's',
    deployedAt: new Date().toISOString(),
    deployedBy: 'bench',
    request: DeployRequest.parse({ endpoint, model: 'org/name' }),
  }
  const calm = { operation: null, standingDown: false, retired: false, restarts: 0, lastRestart: null, failures: 0, downSinceMs: null }
  const carried = { ...calm, fence: 1, revision, replica, provedAtMs: Date.now(), reason: null, degraded: false }
  const input = SuperviseInput.parse({ endpoint, carried })
  await client.workflow.start('superviseEndpoint', { taskQueue: CONTROL_QUEUE, workflowId: workflowIds.endpoint(endpoint), args: [input] })
}

async function untilWatched(client: Client, names: string[]): Promise<void> {
  await each(names, async (name) => {
    for (;;) {
      const { raw } = await client.workflow.getHandle(workflowIds.endpoint(name)).describe()
      if (raw.pendingActivities?.some(({ lastHeartbeatTime }) => lastHeartbeatTime)) return
      await sleep(200)
    }
  })
}

async function eventsOf(client: Client, names: string[]): Promise<number> {
  let sum = 0
  await each(names, async (name) => {
    sum += (await client.workflow.getHandle(workflowIds.endpoint(name)).describe()).historyLength
  })
  return sum
}

/** A few at a time. */
async function each(names: string[], work: (name: string) => Promise<void>): Promise<void> {
  const queue = names.values()
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (const name of queue) await work(name)
    }),
  )
}

/** Processor time that a process has used so far. */
function cpuSeconds(pid = 0): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

function residentMb(pid = 0): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
