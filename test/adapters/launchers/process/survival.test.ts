import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isAlive } from '../../../../src/adapters/launchers/process/identity.js'
import type { EngineState } from '../../../../src/domain/engine.js'
import { createHome, keyOf, launcherProgram, pidAlive, running, RUNS, specOf, until } from './support.js'

const KEEPS_TALKING = `setInterval(() => console.log('still here'), 20)`

/** A launcher in a process of its own that goes on living, in a process group as a shell makes one. */
async function launchElsewhere(dir: string, script: string): Promise<{ launcher: ChildProcess; state: EngineState }> {
  const program = launcherProgram(dir, keyOf(), specOf(script), RUNS)
  const launcher = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const [line] = (await once(launcher.stdout.setEncoding('utf8'), 'data')) as [string]
  return { launcher, state: JSON.parse(line) as EngineState }
}

describe('an engine lives on', () => {
  test.each([
    ['kill -9 of its launcher', (pid: number) => process.kill(pid, 'SIGKILL')],
    ['Ctrl-C in the terminal of its launcher', (pid: number) => process.kill(-pid, 'SIGINT')],
    ['the terminal of its launcher hanging up', (pid: number) => process.kill(-pid, 'SIGHUP')],
  ])('after %s; the next launcher adopts it and still learns how it ends', async (_, end) => {
    await using home = await createHome()
    const { launcher, state } = await launchElsewhere(home.dir, `process.on('SIGUSR2', () => process.exit(7)); ${KEEPS_TALKING}`)
    const { pid } = running(state)
    const gone = once(launcher, 'exit')
    end(launcher.pid ?? 0)
    await gone
    expect(pidAlive(pid)).toBe(true)
    expect(running((await home.launcher.launch(keyOf(), specOf('not this'))).state)).toMatchObject({ pid, adopted: true })
    await until(async () => (await home.launcher.logTail(keyOf(), 1)).length > 0, 'its log')
    process.kill(pid, 'SIGUSR2')
    const ended = await until(
      async () => (await home.launcher.inspect(keyOf())).phase === 'exited' && home.launcher.inspect(keyOf()),
      'its end',
    )
    expect(ended).toMatchObject({ code: 7, signal: null })
  })

  test('after kill -9 of its shim, and goes on writing its log', async () => {
    await using home = await createHome()
    const { pid } = running((await home.launcher.launch(keyOf(), specOf(KEEPS_TALKING))).state)
    const shim = await home.shimOf(keyOf())
    process.kill(shim.pid, 'SIGKILL')
    await until(() => !isAlive(shim), 'the end of the shim')
    const log = join(home.folder(keyOf()), 'engine.log')
    const before = (await stat(log)).size
    await until(async () => (await stat(log)).size > before, 'more log')
    expect(running(await home.launcher.inspect(keyOf())).pid).toBe(pid)
    process.kill(pid, 'SIGKILL')
    await until(() => !pidAlive(pid), 'its end')
    // Nobody saw how it ended: that is said, and not guessed.
    expect(await home.launcher.inspect(keyOf())).toMatchObject({ phase: 'exited', code: null, signal: null, endedAt: null })
  })

  test('a polite signal does not end the shim, which alone learns the exit code', async () => {
    await using home = await createHome()
    await home.launcher.launch(keyOf(), specOf(KEEPS_TALKING))
    const shim = await home.shimOf(keyOf())
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(shim.pid, signal)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(isAlive(shim)).toBe(true)
  })
})

test('a shim ends with its engine', async () => {
  await using home = await createHome()
  const { pid } = running((await home.launcher.launch(keyOf(), specOf(RUNS))).state)
  const shim = await home.shimOf(keyOf())
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(shim), 'the end of the shim')
  expect(await home.launcher.inspect(keyOf())).toMatchObject({ phase: 'exited', signal: 'SIGKILL' })
})
