import { readdir, readFile, rm } from 'node:fs/promises'
import { describe, expect, test, vi } from 'vitest'
import { isAlive } from '../../../../src/adapters/launchers/process/identity.js'
import { createHome, keyOf, marked, pidAlive, running, RUNS, specOf, until } from './support.js'

const IGNORES_SIGTERM = `process.on('SIGTERM', () => {}); ${RUNS}`
/** Prints its pid once it is deaf, so that a test does not signal it too early. */
const DEAF_CHILD = JSON.stringify(`process.on('SIGTERM', () => {}); console.log('child ' + process.pid); ${RUNS}`)

/** Text of a program that starts a process in a session of its own and waits for nothing. */
const spawnChild = (options: string) =>
  `require('child_process').spawn(process.execPath, ['-e', ${DEAF_CHILD}], { detached: true, stdio: 'inherit', ${options} })`

describe('stopping', () => {
  test('asks first: an engine that ends on SIGTERM ends by itself, and its record goes with its empty parents', async () => {
    await using home = await createHome()
    const said = `${home.dir}.said`
    const script = `process.on('SIGTERM', () => { require('fs').writeFileSync(${JSON.stringify(said)}, 'bye'); process.exit(0) }); console.log('ready'); ${RUNS}`
    const { pid } = running((await home.launcher.launch(keyOf(), specOf(script))).state)
    await until(async () => (await home.launcher.logTail(keyOf(), 1)).includes('ready'), 'the engine')
    const shim = await home.shimOf(keyOf())
    await home.launcher.stop(keyOf(), 20_000)
    expect(await readFile(said, 'utf8')).toBe('bye')
    await rm(said)
    expect([pidAlive(pid), isAlive(shim)]).toEqual([false, false])
    expect(await readdir(home.dir)).toEqual([])
    expect(await home.launcher.inspect(keyOf())).toEqual({ phase: 'absent' })
  })

  test('ends the whole tree, also what left its session, lost its parent, dropped its environment and ignores SIGTERM', async () => {
    await using home = await createHome()
    // The child loses its parent; a second one has no marker and is known by its parent alone.
    const middle = JSON.stringify(`${spawnChild('')}.unref(); setTimeout(() => process.exit(0), 50)`)
    const script = `require('child_process').spawn(process.execPath, ['-e', ${middle}], { stdio: 'inherit' }); ${spawnChild('env: {}')}; ${IGNORES_SIGTERM}`
    const { pid } = running((await home.launcher.launch(keyOf(), specOf(script))).state)
    const children = await until(async () => childrenIn(await home.launcher.logTail(keyOf(), 10), 2), 'both children')
    await until(async () => (await marked(home.dir)).length === 2, 'the middle to end') // the engine and the child that it lost
    await home.launcher.stop(keyOf(), 200)
    expect([pid, ...children].filter(pidAlive)).toEqual([])
    expect(await marked(home.dir)).toEqual([])
  })

  test('ends what an engine that crashed has left behind', async () => {
    await using home = await createHome()
    const script = `${spawnChild('')}.unref(); setTimeout(() => process.exit(1), 300)`
    await home.launcher.launch(keyOf(), specOf(script))
    await until(async () => (await home.launcher.inspect(keyOf())).phase === 'exited', 'the crash')
    const [child] = await until(async () => childrenIn(await home.launcher.logTail(keyOf(), 10), 1), 'the child')
    expect(pidAlive(child ?? 0)).toBe(true)
    await home.launcher.stop(keyOf(), 10_000)
    expect(pidAlive(child ?? 0)).toBe(false)
  })

  test('tells what SIGKILL does not end, and keeps its record, until it ends', async () => {
    await using home = await createHome({ killMs: 300 })
    const { pid } = running((await home.launcher.launch(keyOf(), specOf(IGNORES_SIGTERM))).state)
    // Stands for a process that hangs in the kernel, which no signal reaches: none can be made here.
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
    try {
      expect(await home.launcher.stop(keyOf(), 100)).toEqual([pid])
      expect(kill).toHaveBeenCalledWith(pid, 'SIGKILL')
    } finally {
      kill.mockRestore()
    }
    expect((await home.launcher.list()).map(({ state }) => state.phase)).toEqual(['running'])
    expect(await home.launcher.stop(keyOf(), 100)).toEqual([])
    expect([pidAlive(pid), await readdir(home.dir)]).toEqual([false, []])
  })

  test('may be repeated, at the same time and for what never was', async () => {
    await using home = await createHome()
    const { pid } = running((await home.launcher.launch(keyOf(), specOf(RUNS))).state)
    await Promise.all([1, 2, 3].map(() => home.another().stop(keyOf(), 5_000)))
    await home.launcher.stop(keyOf(), 5_000)
    await home.launcher.stop(keyOf({ endpoint: 'never-was' }), 5_000)
    expect(pidAlive(pid)).toBe(false)
    expect(await readdir(home.dir)).toEqual([])
  })

  test('leaves other engines alone: another launch, and the same key in another home', async () => {
    await using home = await createHome()
    await using other = await createHome()
    await home.launcher.launch(keyOf(), specOf(RUNS))
    const sibling = running((await home.launcher.launch(keyOf({ launch: 2 }), specOf(RUNS))).state)
    const twin = running((await other.launcher.launch(keyOf(), specOf(RUNS))).state)
    await home.launcher.stop(keyOf(), 5_000)
    expect([sibling.pid, twin.pid].map(pidAlive)).toEqual([true, true])
    expect((await home.launcher.list()).map(({ key }) => key.launch)).toEqual([2])
  })

  test('at the same time as a launch of the same key: one of both wins whole', async () => {
    await using home = await createHome()
    for (let launch = 1; launch <= 5; launch++) {
      const key = keyOf({ launch })
      const started = home.launcher.launch(key, specOf(RUNS)).catch((error: unknown) => error)
      await new Promise((resolve) => setTimeout(resolve, launch * 15))
      await home.another().stop(key, 0)
      await started
      const state = await home.launcher.inspect(key)
      expect(await marked(home.dir)).toEqual(state.phase === 'running' ? [state.pid] : [])
      await home.launcher.stop(key, 0)
    }
    expect(await marked(home.dir)).toEqual([])
    expect(await readdir(home.dir)).toEqual([])
  })

  test('a key may be launched anew after it was stopped', async () => {
    await using home = await createHome()
    const first = running((await home.launcher.launch(keyOf(), specOf(RUNS))).state)
    await home.launcher.stop(keyOf(), 5_000)
    const second = running((await home.launcher.launch(keyOf(), specOf(RUNS))).state)
    expect(second.pid).not.toBe(first.pid)
    expect(second.port).toBe(first.port)
  })
})

function childrenIn(lines: string[], wanted: number): number[] | null {
  const pids = lines.map((line) => /^child (\d+)$/.exec(line)?.[1]).filter((pid) => pid !== undefined)
  return pids.length === wanted ? pids.map(Number) : null
}
