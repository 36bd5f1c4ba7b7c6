import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inspectNode, nodePortsOf } from '../../src/worker/local-node.js'
import { pidAlive } from '../adapters/launchers/process/support.js'
import { startCluster, type TestCluster } from './cluster.js'
import { keyOf } from './test-engine/home.js'
import { startVirtualNodes, type VirtualNode } from './virtual-nodes.js'
import { temporalAddress } from './temporal-address.js'
import { waitFor } from './wait-for.js'

const GIB = 2 ** 30

let dir: string
let cluster: TestCluster
let fleet: Awaited<ReturnType<typeof startVirtualNodes>>
let one: VirtualNode
let two: VirtualNode

beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'aim-virtual-')))
  cluster = await startCluster()
  fleet = await startVirtualNodes({ dir, address: temporalAddress(), namespace: cluster.namespace, count: 2 })
  ;[one, two] = fleet.nodes as [VirtualNode, VirtualNode]
})
afterAll(async () => {
  await fleet.stop()
  await cluster.stop()
  await rm(dir, { recursive: true, force: true })
})

describe('virtual nodes', () => {
  test('show the captured machine with the programs of this one, and say that they are simulated', async () => {
    const node = await look(one)
    expect(node).toMatchObject({ simulated: true, cpus: 192, memoryTotalBytes: 2 ** 41, problems: [] })
    expect(node.gpus.map(({ index, model, vramFreeBytes }) => [index, model, vramFreeBytes])).toEqual(
      Array.from({ length: 8 }, (_, index) => [index, 'MI300X', 196_592 * 2 ** 20]),
    )
    expect(node.backends.find(({ backend }) => backend === 'vllm')).toMatchObject({ ready: true })
    expect(await inspectNode(one.settings)).toMatchObject({ simulated: true, node_id: 'virtual-1' })
  })

  test('see the memory of an engine while it runs, each its own', async () => {
    const modelPath = join(dir, 'model')
    mkdirSync(modelPath, { recursive: true })
    const parallel = { tensor: 2, pipeline: 1, data: 1, expert: false }
    const spec = { backend: 'vllm', servedName: 'chat', modelPath, gpus: [1, 2], parallel, settings: {}, args: {}, env: {} } as const
    const { state } = await one.launcher.launch(keyOf(), { ...spec, gpus: [1, 2] })
    const { pid } = state as { pid: number }
    const [, second] = await waitFor('its memory', async () => {
      const { gpus } = await look(one)
      return gpus[1]?.processes.length === 1 && gpus
    })
    expect(second).toMatchObject({ vramFreeBytes: expect.closeTo(0.08 * 196_592 * 2 ** 20, -4), processes: [{ pid, name: 'vllm' }] })
    expect((await look(two)).gpus.every(({ processes }) => processes.length === 0)).toBe(true)
    await one.killEngines()
    expect(pidAlive(pid)).toBe(false)
    expect((await look(one)).gpus[1]).toMatchObject({ vramFreeBytes: 196_592 * 2 ** 20, processes: [] })
  })

  test('see what a test plants: a foreign process, and memory that nobody holds', async () => {
    const foreign = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'])
    await once(foreign, 'spawn')
    const pid = foreign.pid ?? 0
    two.plant({ gpu: 3, bytes: 40 * GIB, pid, name: 'trainer' })
    const takeBack = two.plant({ gpu: 4, bytes: 60 * GIB })
    const { gpus } = await look(two)
    expect(gpus[3]).toMatchObject({
      vramFreeBytes: 196_592 * 2 ** 20 - 40 * GIB,
      processes: [{ pid, name: 'trainer', vramBytes: 40 * GIB }],
    })
    expect(gpus[4]).toMatchObject({ vramFreeBytes: 196_592 * 2 ** 20 - 60 * GIB, processes: [] })
    foreign.kill('SIGKILL')
    await once(foreign, 'exit')
    takeBack()
    expect((await look(two)).gpus.every(({ vramFreeBytes }) => vramFreeBytes === 196_592 * 2 ** 20)).toBe(true)
  })

  test('come back under the same name after their worker, or their network, was gone', async () => {
    await one.stop()
    await one.start()
    two.cut()
    two.mend()
    const views = await Promise.all(['virtual-1', 'virtual-2'].map((id) => cluster.client.workflow.getHandle(`node/${id}`).describe()))
    expect(views.map(({ status }) => status.name)).toEqual(['RUNNING', 'RUNNING'])
  })
})

const look = (node: VirtualNode) => nodePortsOf(node.settings).probe.inspect()
