import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { compiledFile } from '../../src/adapters/compiled.js'
import { freePorts } from '../../src/config/free-ports.js'
import { superviseTemporal, type SupervisedTemporal } from '../../src/embedded/supervise.js'
import { amdSmiFiles, kfdFiles, machineOf } from '../adapters/rocm/machine.js'
import { startMisbehavingHub, type MisbehavingHub } from '../support/misbehaving-hub.js'
import { writeSampleModel } from '../support/sample-model.js'
import { testProgram } from '../support/temporal.js'
import { createTestEngine } from '../support/test-engine/index.js'
import { mountTmpfs, type Tmpfs } from '../support/tmpfs.js'
import { setLink, type Machines } from './machines.js'
import { endMarked } from './processes.js'
import { Program } from './program.js'
import { startReach, type Reach } from './reach.js'
import { GPUS, NODES, type NodeName } from './schedule.js'

const MIB = 2 ** 20
/** So that a run takes seconds: how long a node may be silent, and an engine without progress. */
const PATIENCE = { AIM_NODE_GRACE_SECONDS: '4', AIM_HANG_SECONDS: '5' }
/** Room for both models, and not for much more. */
const DISK_MIB = 64
const MODELS = { 'org/tiny': 4 * MIB, 'org/small': 12 * MIB }
const MI300X = { device: 0x74a1, version: 90_402, name: 'AMD Instinct MI300X', mib: 196_592, xccs: 8 }

export type ChaosNode = {
  name: NodeName
  home: string
  /** Folder of its part of the Hugging Face cache: a small file system of its own where one can be mounted. */
  hf: string
  /** Folder of captures that stands for its hardware. */
  inventory: string
  program: Program
  /** Asks from its own machine, where its engines listen on loopback. */
  reach: Reach
}

/** A cluster that many runs share: a Temporal server, a control worker, a few nodes without GPUs, and a hub. */
export type ChaosCluster = {
  root: string
  temporal: SupervisedTemporal
  control: Program
  nodes: Record<NodeName, ChaosNode>
  hub: MisbehavingHub
  engine: ReturnType<typeof createTestEngine>
  client: Client
  link(node: NodeName, state: 'up' | 'down'): void
  /** Writes the hardware that a node has from now on: all of it, or with one GPU gone or with errors in its memory. */
  equip(node: NodeName, but?: { gpu: number; as: 'gone' | 'broken' }): void
  close(): Promise<void>
}

/** In a folder that is made and removed. */
export async function startChaosCluster(machines: Machines, root: string, patience: Partial<typeof PATIENCE> = {}): Promise<ChaosCluster> {
  const folder = (...parts: string[]): string => {
    const path = join(root, ...parts)
    mkdirSync(path, { recursive: true })
    return path
  }
  const logs = folder('logs')
  for (const [repo, bytes] of Object.entries(MODELS)) await writeSampleModel(folder('models'), repo, bytes)
  writeRecipes(folder('recipes'))
  const engine = createTestEngine(root)
  const hub = await startMisbehavingHub(join(root, 'models'), { host: machines.control })
  const [port = 0, uiPort = 0] = await freePorts(2)
  const temporal = await superviseTemporal(
    {
      program: await testProgram(),
      dir: folder('temporal'),
      port,
      uiPort,
      host: machines.bind,
      namespace: 'default',
      log: join(logs, 'temporal.log'),
    },
    () => {},
  )
  const address = `${machines.control}:${port}`
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AIM_|HF_|TEMPORAL_|DATABASE_URL)/.test(name))),
    ...(process.env['AIM_CI_RUN'] !== undefined && { AIM_CI_RUN: process.env['AIM_CI_RUN'] }),
    ...PATIENCE,
    ...patience,
    NO_COLOR: '1',
    AIM_DEBUG: '1',
    AIM_CHAOS: root,
    TMPDIR: folder('tmp'),
    AIM_RECIPES: join(root, 'recipes'),
    HF_ENDPOINT: hub.url,
    TEMPORAL_ADDRESS: address,
  }
  const disks: Tmpfs[] = []

  async function nodeOf(name: NodeName): Promise<ChaosNode> {
    const machine = machines.nodes[name]
    if (machine === undefined) throw new Error(`no machine for ${name}`)
    const [home, inventory, disk] = [
      folder('nodes', name, 'home'),
      folder('nodes', name, 'inventory'),
      mountTmpfs(DISK_MIB, folder('nodes', name)),
    ]
    if (disk !== null) disks.push(disk)
    const hf = disk?.path ?? folder('nodes', name, 'hf')
    equip(name)
    const program = new Program({
      name,
      argv: [...machine.enter, process.execPath, compiledFile('cli/main.js'), 'node', '--simulate', inventory],
      env: {
        ...env,
        AIM_HOME: home,
        HF_HOME: hf,
        AIM_NODE_ID: name,
        AIM_VLLM_BIN: engine.program(name),
        AIM_PEER_ADDRESS: 'off',
        AIM_ENGINE_PORTS: '20000-20099',
      },
      log: join(logs, `${name}.log`),
      up: new RegExp(`node ${name} runs at`),
    })
    return { name, home, hf, inventory, program, reach: startReach(machine.enter, env) }
  }

  function equip(node: NodeName, but?: { gpu: number; as: 'gone' | 'broken' }): void {
    const whole = machineOf(MI300X, GPUS, { mode: 'SPX', memory: 'NPS1', parts: 1 })
    const parts = but?.as === 'gone' ? whole.filter((_, index) => index !== but.gpu) : whole
    const files = { ...kfdFiles(parts), ...amdSmiFiles(parts) }
    if (but?.as === 'broken') files[METRIC] = withErrors(files[METRIC] ?? '[]', but.gpu)
    const inventory = join(root, 'nodes', node, 'inventory')
    for (const [file, text] of Object.entries(files)) replaceFile(join(inventory, file), text)
    for (const file of filesBelow(inventory)) if (!(file in files)) rmSync(join(inventory, file))
  }

  const control = new Program({
    name: 'the control worker',
    argv: [process.execPath, compiledFile('../bench/control-worker.js')],
    env: { ...env, AIM_HOME: folder('control'), HF_HOME: folder('control', 'hf'), AIM_NODE_ID: 'control' },
    log: join(logs, 'control.log'),
    up: /control worker runs at/,
  })
  const nodes = Object.fromEntries(await Promise.all(NODES.map(async (name) => [name, await nodeOf(name)]))) as Record<NodeName, ChaosNode>
  await control.start()
  await Promise.all(NODES.map((name) => nodes[name].program.start()))
  const connection = await Connection.connect({ address })
  return {
    root,
    temporal,
    control,
    nodes,
    hub,
    engine,
    client: new Client({ connection, identity: 'chaos@test' }),
    link: (node, state) => setLink(machines, node, state),
    equip,
    async close() {
      await connection.close()
      await Promise.all([control, ...NODES.map((name) => nodes[name].program)].map((program) => program.end('SIGKILL')))
      for (const name of NODES) await nodes[name].reach.close()
      await temporal.stop()
      await hub.close()
      await endMarked(root)
      for (const disk of disks) disk.unmount()
      rmSync(root, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Whoever reads it meanwhile sees the old text or the new one. */
function replaceFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.tmp`, text)
  renameSync(`${file}.tmp`, file)
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

const METRIC = 'amd-smi-metric.json'

/** What the tool says of a GPU whose memory has errors that cannot be corrected. */
function withErrors(metric: string, gpu: number): string {
  const list = JSON.parse(metric) as { gpu: number; ecc: object }[]
  return JSON.stringify(list.map((one) => (one.gpu === gpu ? { ...one, ecc: { ...one.ecc, total_uncorrectable_count: 12 } } : one)))
}

/** One recipe for each number of GPUs: the models are bytes without a shape. */
function writeRecipes(dir: string): void {
  for (const repo of Object.keys(MODELS)) {
    mkdirSync(join(dir, repo), { recursive: true })
    for (const count of [1, 2, 4]) {
      const lines = [
        `model: ${repo}`,
        'backend: vllm',
        'format: safetensors',
        `hardware: { kind: gpu, count: ${count}, cards: [MI300X] }`,
        `parallel: { tensor: ${count} }`,
        'source: a test',
      ]
      writeFileSync(join(dir, repo, `vllm-${count}.yaml`), `${lines.join('\n')}\n`)
    }
  }
}
