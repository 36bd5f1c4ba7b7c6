import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { describe, expect, test } from 'vitest'
import { attendActivities } from '../../../activities/node/attend.js'
import { engineActivities } from '../../../activities/node/engine.js'
import { createFenceStore } from '../../../src/adapters/fences/create-fence-store.js'
import { createSimulatedProbe } from '../../../src/adapters/simulated/index.js'
import type { EngineKey, EngineSpec } from '../../../src/domain/engine.js'
import type { StuckGpu } from '../../../src/domain/lease.js'
import type { EngineLauncher } from '../../../src/ports/engine-launcher.js'
import type { NodeDesk } from '../../../src/ports/node-desk.js'
import type { NodeProbe } from '../../../src/ports/node-probe.js'
import { pidAlive } from '../../adapters/launchers/process/support.js'
import { FakeLedger } from '../../support/fake-caches.js'
import { fakeProbe } from '../../support/fakes.js'
import { createEngineHome, keyOf, type EngineHome } from '../../support/test-engine/home.js'
import { writeCapture } from '../../support/virtual-nodes.js'
import { waitFor } from '../../support/wait-for.js'
import { CARDS } from '../../adapters/rocm/cards.js'

const GIB = 2 ** 30

/** A node of captured GPUs whose engines, orphans and strangers are real processes. */
async function createNode({ freeWithinMs = 2_000, probe }: { freeWithinMs?: number; probe?: NodeProbe } = {}) {
  const home = await createEngineHome()
  const captures = writeCapture(join(home.dir, 'captures'))
  const simulated = createSimulatedProbe({ captures, held: home.simulated, cards: async () => CARDS, machine: fakeProbe })
  const strangers: ChildProcess[] = []
  const fences = createFenceStore({ file: join(home.dir, 'fences.json'), nodeId: 'virtual-1' })
  /** Endpoints whose engines no signal ends: a process that hangs in the kernel cannot be made here. */
  const undying = new Set<string>()
  /** The same for a process that is left of an engine, and that no mark tells any more. */
  const unmarked = new Map<string, number>()
  const stop: EngineLauncher['stop'] = async (key, graceMs) => {
    const left = unmarked.get(key.endpoint)
    if (left !== undefined) return home.launcher.stop(key, graceMs).then(() => [left])
    const state = await home.launcher.inspect(key)
    return undying.has(key.endpoint) && state.phase === 'running' ? [state.pid] : home.launcher.stop(key, graceMs)
  }
  const ports = {
    nodeId: 'virtual-1',
    namespace: 'default',
    probe: probe ?? simulated,
    launcher: { ...home.launcher, stop },
    fences,
    freeWithinMs,
  }
  const arrivals: StuckGpu[][] = []
  const desk: NodeDesk = {
    register: async () => ({ fence: 100, leases: [], unheard: [] }),
    arrive: async (_turn, stuck) => void arrivals.push(stuck),
    leave: () => undefined,
  }
  const { attendNode } = attendActivities({ ...ports, desk })
  const activities = engineActivities({
    ...ports,
    client: { healthy: async () => true, complete: async () => ({ text: 'hello', tokens: 1, ms: 1 }), metrics: async () => null },
    ledger: new FakeLedger(),
  })
  const run = async <A, R>(activity: (input: A) => Promise<R>, input: A): Promise<R> =>
    new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run<[A], R, typeof activity>(activity, input)
  return {
    ...home,
    fences,
    undying,
    unmarked,
    /** What the owner of the node is told when it arrives. */
    async arrive(): Promise<StuckGpu[]> {
      const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') })
      const attendance = environment.run(attendNode, { turn: 1 }).catch((error: unknown) => error)
      const [stuck = []] = await waitFor('its arrival', () => arrivals.length > 0 && arrivals)
      environment.cancel()
      await attendance
      return stuck
    },
    cancellable(key: EngineKey, spec: EngineSpec) {
      const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') })
      return { result: environment.run(activities.launchEngine, { key, spec }), cancel: () => environment.cancel() }
    },
    launch: (key: EngineKey, spec: EngineSpec) => run(activities.launchEngine, { key, spec }),
    stop: (key: EngineKey) => run(activities.stopEngine, { key, graceSeconds: 1 }),
    stopEndpoint: (endpoint: string) => run(activities.stopEndpoint, { endpoint, graceSeconds: 1 }),
    stopIfRunning: (key: EngineKey) => run(activities.stopIfRunning, { key }),
    /** Memory that a file says to be held; answers how to take that back. */
    hold(gpu: number, bytes: number, pid: number | null = null): () => void {
      const file = join(home.simulated, `planted-${gpu}.json`)
      mkdirSync(home.simulated, { recursive: true })
      writeFileSync(file, JSON.stringify({ pid, name: pid === null ? null : 'trainer', gpus: [{ index: gpu, bytes }] }))
      return () => rmSync(file)
    },
    async stranger(): Promise<number> {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'])
      strangers.push(child)
      await once(child, 'spawn')
      return child.pid ?? 0
    },
    async [Symbol.asyncDispose]() {
      for (const child of strangers) child.kill('SIGKILL')
      await home[Symbol.asyncDispose]()
    },
  }
}

describe('before a launch', () => {
  test('a GPU that is free costs no wait, and its engine holds it until it is stopped', async () => {
    await using node = await createNode()
    expect((await node.launch(keyOf(), node.spec())).state).toMatchObject({ phase: 'running', adopted: false })
    await holding(node, 1)
    expect((await node.launch(keyOf(), node.spec())).state).toMatchObject({ phase: 'running', adopted: true })
    expect(await node.stop(keyOf())).toEqual({ stopped: ['default/chat/0/1/1'], stuck: [], undying: [] })
    expect(readdirSync(node.simulated)).toEqual([])
  })

  test('what a dead engine of ours has left is ended, with or without its record', async () => {
    await using node = await createNode()
    for (const forgotten of [false, true]) {
      const orphan = await leaveOrphan(node, keyOf({ fence: forgotten ? 4 : 1 }))
      if (forgotten) rmSync(join(node.engines, 'default/chat/0/4'), { recursive: true })
      const { state } = await node.launch(keyOf({ endpoint: 'next', fence: forgotten ? 5 : 2 }), node.spec({ servedName: 'next' }))
      expect(state).toMatchObject({ phase: 'running' })
      expect(pidAlive(orphan)).toBe(false)
      await node.stopEndpoint('next')
    }
  })

  test('what is left on other GPUs is not looked at', async () => {
    await using node = await createNode()
    const orphan = await leaveOrphan(node, keyOf())
    await node.launch(keyOf({ endpoint: 'next', fence: 2 }), node.spec({ servedName: 'next', gpus: [5] }))
    expect(pidAlive(orphan)).toBe(true)
  })

  test('somebody else’s process is named and never touched', async () => {
    await using node = await createNode({ freeWithinMs: 30_000 })
    const pid = await node.stranger()
    node.hold(0, 40 * GIB, pid)
    await expect(node.launch(keyOf(), node.spec())).rejects.toMatchObject({
      code: 'GpuForeign',
      details: { gpu: 0, node: 'virtual-1', pid, name: 'trainer', bytes: 40 * GIB },
    })
    expect(pidAlive(pid)).toBe(true)
    expect(await node.launcher.list()).toEqual([])
  })

  test('a process that carries the mark of another home is somebody else’s', async () => {
    await using other = await createNode()
    await using node = await createNode()
    const orphan = await leaveOrphan(other, keyOf())
    node.hold(0, 40 * GIB, orphan)
    await expect(node.launch(keyOf(), node.spec())).rejects.toMatchObject({ code: 'GpuForeign', details: { pid: orphan } })
    expect(pidAlive(orphan)).toBe(true)
  })

  test('one that idles on the GPU is no obstacle', async () => {
    await using node = await createNode()
    node.hold(0, GIB, await node.stranger())
    expect((await node.launch(keyOf(), node.spec({ settings: { memoryFraction: 0.9 } }))).state).toMatchObject({ phase: 'running' })
  })

  test('memory that nobody holds is told, and one that comes back late is waited for', async () => {
    await using node = await createNode()
    const takeBack = node.hold(0, 60 * GIB)
    await expect(node.launch(keyOf(), node.spec())).rejects.toMatchObject({
      code: 'GpuHeld',
      details: { gpu: 0, node: 'virtual-1', free: 196_592 * 2 ** 20 - 60 * GIB, needed: Math.ceil(0.92 * 196_592 * 2 ** 20) },
    })
    setTimeout(takeBack, 700)
    expect((await node.launch(keyOf(), node.spec())).state).toMatchObject({ phase: 'running' })
  })

  test('memory that nobody holds is no obstacle where enough is left, before and after', async () => {
    await using node = await createNode({ freeWithinMs: 60_000 })
    node.hold(0, 60 * GIB)
    const { state } = await node.launch(keyOf(), node.spec({ settings: { memoryFraction: 0.1 } }))
    expect(state).toMatchObject({ phase: 'running' })
    await holding(node, 2)
    expect(await node.stop(keyOf())).toEqual({ stopped: ['default/chat/0/1/1'], stuck: [], undying: [] })
  })

  test('a launch that is called off at the gate starts nothing, though the gate opens then', async () => {
    await using node = await createNode({ freeWithinMs: 30_000 })
    const takeBack = node.hold(0, 60 * GIB)
    const launch = node.cancellable(keyOf(), node.spec())
    setTimeout(() => (launch.cancel(), takeBack()), 400)
    await expect(launch.result).rejects.toMatchObject({ name: 'CancelledFailure' })
    expect(await node.launcher.list()).toEqual([])
  })

  test('an engine whose lease is overtaken at the gate does not start', async () => {
    await using node = await createNode({ freeWithinMs: 30_000 })
    const takeBack = node.hold(0, 60 * GIB)
    setTimeout(() => (node.fences.keepOnly({ fence: 1, leases: [], unheard: [] }), takeBack()), 400)
    await expect(node.launch(keyOf(), node.spec())).rejects.toMatchObject({ code: 'LeaseFenced' })
    expect(await node.launcher.list()).toEqual([])
  })

  test('an engine on the same GPU whose lease was overtaken ends first, and an older lease never wins', async () => {
    await using node = await createNode()
    await node.launch(keyOf({ endpoint: 'old', fence: 10 }), node.spec({ servedName: 'old' }))
    await holding(node, 1)
    await node.launch(keyOf({ endpoint: 'new', fence: 11 }), node.spec({ servedName: 'new' }))
    expect(await node.launcher.inspect(keyOf({ endpoint: 'old', fence: 10 }))).toEqual({ phase: 'absent' })
    await expect(node.launch(keyOf({ endpoint: 'old', fence: 10 }), node.spec({ servedName: 'old' }))).rejects.toMatchObject({
      code: 'LeaseFenced',
    })
    expect(await node.launcher.inspect(keyOf({ endpoint: 'new', fence: 11 }))).toMatchObject({ phase: 'running' })
  })

  test('a driver that tells no free memory is not judged, and an engine without GPUs is not looked at', async () => {
    let looks = 0
    const probe: NodeProbe = {
      async inspect() {
        looks += 1
        const [gpu] = (await createCaptured()).gpus
        return { ...(await fakeProbe.inspect()), gpus: gpu === undefined ? [] : [{ ...gpu, vramFreeBytes: null }] }
      },
    }
    await using node = await createNode({ probe })
    await node.launch(keyOf({ endpoint: 'cpu' }), node.spec({ servedName: 'cpu', gpus: [] }))
    expect(looks).toBe(0)
    expect((await node.launch(keyOf(), node.spec())).state).toMatchObject({ phase: 'running' })
    expect(looks).toBe(1)

    async function createCaptured() {
      const { dir, simulated } = node
      return createSimulatedProbe({
        captures: join(dir, 'captures'),
        held: simulated,
        cards: async () => CARDS,
        machine: fakeProbe,
      }).inspect()
    }
  })
})

describe('after a stop', () => {
  test('memory that does not come back is told, so that the GPU can be kept away', async () => {
    await using node = await createNode({ freeWithinMs: 600 })
    await node.launch(keyOf(), node.spec({ gpus: [0, 1] }))
    node.hold(1, 30 * GIB)
    const { stopped, stuck } = await node.stop(keyOf())
    expect(stopped).toEqual(['default/chat/0/1/1'])
    expect(stuck).toEqual([
      { gpu: 1, why: expect.stringContaining('no process holds the rest'), freeBytes: Math.ceil(0.92 * 196_592 * 2 ** 20) },
    ])
    expect(await node.stop(keyOf())).toEqual({ stopped: [], stuck: [], undying: [] })
  })

  test('what the engine left is ended, though it had ended by itself', async () => {
    await using node = await createNode()
    const orphan = await leaveOrphan(node, keyOf())
    expect(await node.stopIfRunning(keyOf())).toEqual({ stopped: [], stuck: [], undying: [] })
    expect(pidAlive(orphan)).toBe(false)
    expect(await node.launcher.inspect(keyOf())).toMatchObject({ phase: 'exited' }) // its log is still there
  })

  test('GPUs that others use by now are not stuck: another endpoint of ours, a stranger', async () => {
    await using node = await createNode({ freeWithinMs: 30_000 })
    node.engine.next({ failAs: 'crashed' }, { served: 'chat' })
    await node.launch(keyOf(), node.spec({ gpus: [0, 1] }))
    await waitFor('its end', async () => (await node.launcher.inspect(keyOf())).phase === 'exited')
    await node.launch(keyOf({ endpoint: 'next', fence: 2 }), node.spec({ servedName: 'next', gpus: [0] }))
    node.hold(1, 40 * GIB, await node.stranger())
    await holding(node, 2)
    expect(await node.stopEndpoint('chat')).toEqual({ stopped: [], stuck: [], undying: [] })
    expect(await node.launcher.inspect(keyOf({ endpoint: 'next', fence: 2 }))).toMatchObject({ phase: 'running' })
  })
})

describe('an engine that SIGKILL does not end', () => {
  const NEEDED = Math.ceil(0.92 * 196_592 * 2 ** 20)
  const wedged = async (node: Awaited<ReturnType<typeof createNode>>) => {
    const { state } = await node.launch(keyOf({ endpoint: 'wedged' }), node.spec({ servedName: 'wedged' }))
    await holding(node, 1)
    node.undying.add('wedged')
    return `process ${state.phase === 'running' ? state.pid : 0} of default/wedged/0/1/1 does not end after SIGKILL`
  }

  test('is told by a stop, with its GPUs, and again until it has ended', async () => {
    await using node = await createNode({ freeWithinMs: 600 })
    const why = await wedged(node)
    const told = { stopped: [], stuck: [{ gpu: 0, why, freeBytes: NEEDED }], undying: [why] }
    expect(await node.stopEndpoint('wedged')).toEqual(told)
    expect(await node.stopIfRunning(keyOf({ endpoint: 'wedged' }))).toEqual(told)
    node.undying.clear()
    expect(await node.stopEndpoint('wedged')).toEqual({ stopped: ['default/wedged/0/1/1'], stuck: [], undying: [] })
  })

  test('is not taken for somebody else’s when it has lost its mark', async () => {
    await using node = await createNode({ freeWithinMs: 600 })
    const pid = await node.stranger()
    await node.launch(keyOf({ endpoint: 'wedged' }), node.spec({ servedName: 'wedged' }))
    node.hold(0, 150 * GIB, pid)
    node.unmarked.set('wedged', pid)
    const { stuck } = await node.stopEndpoint('wedged')
    expect(stuck).toMatchObject([{ gpu: 0, why: `process ${pid} of default/wedged/0/1/1 does not end after SIGKILL` }])
  })

  test('keeps nobody from another GPU, not its own replica either, and everybody from its own', async () => {
    await using node = await createNode({ freeWithinMs: 600 })
    await wedged(node)
    const next = keyOf({ endpoint: 'wedged', fence: 2 })
    expect((await node.launch(next, node.spec({ servedName: 'next', gpus: [1] }))).state).toMatchObject({ phase: 'running' })
    await expect(node.launch(keyOf({ endpoint: 'other', fence: 3 }), node.spec({ servedName: 'other' }))).rejects.toMatchObject({
      code: 'GpuHeld',
      details: { gpu: 0, needed: NEEDED },
    })
    node.undying.clear()
  })

  test('does not keep its node from coming back, which says what stays taken', async () => {
    await using node = await createNode({ freeWithinMs: 600 })
    const why = await wedged(node)
    expect(await node.arrive()).toEqual([{ gpu: 0, why, freeBytes: NEEDED }])
    node.undying.clear()
  })
})

/** Starts an engine that leaves a process behind when it is killed, and kills it. Answers the pid of what is left. */
async function leaveOrphan(node: EngineHome & Awaited<ReturnType<typeof createNode>>, key: EngineKey): Promise<number> {
  node.engine.next({ orphan: true }, { served: 'leaver' })
  const { state } = await node.launch(key, node.spec({ servedName: 'leaver' }))
  const orphan = await waitFor('its child', () => {
    const pids = files(node)
      .map((name) => Number.parseInt(name, 10))
      .filter(pidAlive)
    const child = pids.find((pid) => state.phase === 'running' && pid !== state.pid)
    return pids.length === 1 && child
  })
  if (state.phase === 'running') process.kill(state.pid, 'SIGKILL')
  await waitFor('its end', async () => (await node.launcher.inspect(key)).phase === 'exited')
  expect(pidAlive(orphan)).toBe(true)
  return orphan
}

const holding = (node: EngineHome, count: number) => waitFor('its memory', () => files(node).length === count)

function files({ simulated }: EngineHome): string[] {
  mkdirSync(simulated, { recursive: true })
  return readdirSync(simulated).filter((name) => name.endsWith('.json'))
}
