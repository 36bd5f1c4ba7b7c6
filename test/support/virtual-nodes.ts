import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadSettings } from '../../src/config/load.js'
import { pathsOf } from '../../src/config/paths.js'
import type { Settings } from '../../src/config/settings.js'
import { launcherOf } from '../../src/worker/local-engines.js'
import { serveNode } from '../../src/worker/node.js'
import { marked } from '../adapters/launchers/process/support.js'
import { FIXTURES } from '../adapters/rocm/fixtures.js'
import { startRelay } from './tcp-relay.js'
import { createTestEngine, type TestEngine } from './test-engine/index.js'
import { waitFor } from './wait-for.js'

export type FleetOptions = {
  /** Folder of all homes; the caller's to remove. */
  dir: string
  /** Temporal's host:port. */
  address: string
  namespace: string
  count: number
  /** Shared cache of weights; absent: each node has its own. */
  hfHome?: string
  /** More settings for each node, by the names of their variables. */
  env?: NodeJS.ProcessEnv
  engine?: TestEngine
  /** The nodes have a stand-in of SGLang as well. */
  sglang?: boolean
}

/** Ports of each node's engines: one for each GPU, and two more. Below the ephemeral range, and apart for test files that run at once. */
const PORTS = 10
const firstPort = () => 10_000 + (process.pid % 22) * 1_000

/** Writes a capture of a machine with eight MI300X. Answers its folder. */
export function writeCapture(dir: string): string {
  const { files } = FIXTURES.find(({ name }) => name.startsWith('8x MI300X, ROCm 6, all sources')) ?? { files: {} }
  const machine = { hostname: 'captured', cpus: 192, memory_total_bytes: 2 ** 41, memory_free_bytes: 2 ** 41 - 2 ** 36, kfd: 'usable' }
  for (const [name, text] of Object.entries({ ...files, 'machine.json': JSON.stringify(machine) })) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}

/**
 * Virtual nodes in this process, each a whole node worker as `aim node --simulate` runs it, with its own home, engines and connection. Temporal's
 * runtime must be installed. Engines are the test engine's processes.
 */
export async function startVirtualNodes(options: FleetOptions) {
  const { dir, count } = options
  const captures = writeCapture(join(dir, 'captures'))
  const engine = options.engine ?? createTestEngine(dir)
  const nodes: VirtualNode[] = []
  for (let place = 0; place < count; place++) nodes.push(await createVirtualNode({ ...options, captures, engine, place }))
  await Promise.all(nodes.map((node) => node.start()))
  return {
    nodes,
    engine,
    async stop(): Promise<void> {
      await Promise.all(nodes.map((node) => node.destroy()))
    },
  }
}

type Place = FleetOptions & { captures: string; engine: TestEngine; place: number }

async function createVirtualNode({ dir, address, namespace, hfHome, env, captures, engine, sglang, place }: Place) {
  const nodeId = `virtual-${place + 1}`
  const home = join(dir, nodeId)
  const relay = await startRelay(address)
  const first = firstPort() + place * PORTS
  const own = {
    AIM_HOME: home,
    AIM_NODE_ID: nodeId,
    AIM_SIMULATE: captures,
    AIM_ENGINE_PORTS: `${first}-${first + PORTS - 1}`,
    AIM_VLLM_BIN: engine.program(nodeId),
    ...(sglang === true && { AIM_SGLANG_BIN: engine.sglang(nodeId) }),
    AIM_PEER_ADDRESS: 'off',
    HF_HOME: hfHome ?? join(home, 'hf'),
    TEMPORAL_ADDRESS: relay.address,
    TEMPORAL_NAMESPACE: namespace,
  }
  const { settings } = loadSettings({ ...own, ...env })
  const { engines, simulated } = pathsOf(settings)
  mkdirSync(engines, { recursive: true })
  let worker: Running | null = null
  /** Engines, and what they left, as a power cut ends them. */
  const killEngines = async (): Promise<void> => {
    for (const pid of await marked(engines)) kill(pid)
    await waitFor('the end of the engines', async () => (await marked(engines)).length === 0)
  }
  const stop = async (): Promise<void> => {
    const ending = worker
    worker = null
    ending?.stop.abort()
    await ending?.ended
  }
  return {
    nodeId,
    settings,
    launcher: launcherOf(settings),
    /** Answers once it has registered. */
    async start(): Promise<void> {
      relay.mend()
      worker = run(settings)
      await worker.ready
    },
    /** The worker ends as with Ctrl-C; its engines go on. */
    stop,
    /** The network between node and cluster: nothing passes, and nobody is told. Engines go on. */
    cut: relay.cut,
    mend: relay.mend,
    /** The machine is gone, for the cluster and for its engines; the worker in this process is left cut off. */
    async powerOff(): Promise<void> {
      relay.cut()
      await killEngines()
    },
    killEngines,
    /** Says that a process, which is not ours, holds memory of a GPU; without one it has leaked. Answers how to take it back. */
    plant({ gpu, bytes, pid, name }: Plant): () => void {
      const file = join(simulated, `planted-${gpu}-${pid ?? 'leak'}.json`)
      mkdirSync(simulated, { recursive: true })
      writeFileSync(`${file}.tmp`, JSON.stringify({ pid: pid ?? null, name, gpus: [{ index: gpu, bytes }] }))
      renameSync(`${file}.tmp`, file)
      return () => rmSync(file, { force: true })
    },
    async destroy(): Promise<void> {
      // A worker that is cut off ends when it is heard again.
      relay.mend()
      await stop()
      await killEngines()
      await relay.close()
    },
  }
}

export type VirtualNode = Awaited<ReturnType<typeof createVirtualNode>>
type Plant = { gpu: number; bytes: number; pid?: number; name?: string }
type Running = { stop: AbortController; ready: Promise<void>; ended: Promise<void> }

function run(settings: Settings): Running {
  const stop = new AbortController()
  let registered: () => void
  const news = new Promise<void>((resolve) => (registered = resolve))
  const onStep = (line: string): void => {
    if (line.includes(' runs at ')) registered()
  }
  const ended = serveNode(settings, { signal: stop.signal, onStep })
  const early = ended.then(() => Promise.reject(new Error(`${settings.nodeId} ended before it had registered`)))
  return { stop, ready: Promise.race([news, early]), ended }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
