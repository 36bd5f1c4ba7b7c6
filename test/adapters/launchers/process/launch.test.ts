import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createProcessLauncher } from '../../../../src/adapters/launchers/process/index.js'
import { identify } from '../../../../src/adapters/launchers/process/identity.js'
import { writeRecord, type EngineRecord, type LaunchRecord } from '../../../../src/adapters/launchers/process/record.js'
import { compiledFile } from '../../../../src/adapters/compiled.js'
import { command, createHome, keyOf, launcherProgram, listen, marked, pidAlive, running, RUNS, specOf, until } from './support.js'

describe('launching', () => {
  test('starts the engine in a session of its own and says where it is', async () => {
    await using home = await createHome()
    const { state, argv, env } = await home.launcher.launch(keyOf(), specOf(RUNS, { env: { A: '1' } }))
    const { pid, port, url, adopted, since } = running(state)
    expect(adopted).toBe(false)
    expect(url).toBe(`http://127.0.0.1:${port}`)
    expect(Math.abs(Date.now() - Date.parse(since))).toBeLessThan(30_000)
    expect(argv).toEqual([process.execPath, '-e', RUNS])
    expect(env).toEqual({ A: '1', HOST: '127.0.0.1', PORT: String(port) })
    expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toMatch(new RegExp(`^${pid} \\(.*\\) \\S \\d+ ${pid} ${pid} `)) // its own group and session
    expect(await home.launcher.list()).toMatchObject([
      { key: keyOf(), spec: specOf(RUNS, { env: { A: '1' } }), state: { phase: 'running', pid } },
    ])
  })

  test('adopts what runs under the key: same process, one process', async () => {
    await using home = await createHome()
    const first = running((await home.launcher.launch(keyOf(), specOf(RUNS))).state)
    const again = await home.another().launch(keyOf(), specOf('another program'))
    expect(running(again.state)).toEqual({ ...first, adopted: true })
    expect(again.argv).toEqual([process.execPath, '-e', RUNS])
    expect(running(await home.launcher.inspect(keyOf())).pid).toBe(first.pid)
    expect(await marked(home.dir)).toEqual([first.pid])
  })

  test('many launches of one key at once, also from other processes, start one engine', async () => {
    await using home = await createHome()
    const program = launcherProgram(home.dir, keyOf(), specOf(RUNS), '')
    const others = [1, 2, 3].map(() =>
      spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] }),
    )
    // Read from the start on: Node drops what nobody has read when the process ends.
    const there = Promise.all(others.map(async (child) => JSON.parse(String(await child.stdout.setEncoding('utf8').toArray()))))
    const here = await Promise.all([1, 2, 3, 4].map(() => home.another().launch(keyOf(), specOf(RUNS))))
    const states = [...here.map(({ state }) => running(state)), ...(await there)]
    expect(new Set(states.map(({ pid }) => pid)).size).toBe(1)
    expect(states.filter(({ adopted }) => !adopted)).toHaveLength(1)
    expect(await marked(home.dir)).toHaveLength(1)
  })

  test('of two shims for one launch, one starts the engine', async () => {
    await using home = await createHome()
    const folder = home.folder(keyOf())
    const count = join(home.dir, 'started')
    const script = `require('fs').appendFileSync(${JSON.stringify(count)}, 'x'); ${RUNS}`
    await record(folder, script, home.dir)
    const shims = [1, 2, 3].map(() =>
      spawn(process.execPath, [compiledFile('adapters/launchers/process/shim.js'), folder], { stdio: 'inherit' }),
    )
    const losers = await until(() => shims.filter(({ exitCode }) => exitCode === 0).length === 2 && shims, 'two shims to end')
    await until(async () => (await home.launcher.inspect(keyOf())).phase === 'running', 'the engine')
    await until(() => readFile(count, 'utf8').catch(() => null), 'its first act')
    expect(await readFile(count, 'utf8')).toBe('x')
    expect(losers.filter(({ exitCode }) => exitCode === null)).toHaveLength(1)
  })

  test('a crash between record and start is no launch: it starts now', async () => {
    await using home = await createHome()
    await record(home.folder(keyOf()), 'never started', home.dir)
    expect(await home.launcher.inspect(keyOf())).toEqual({ phase: 'absent' })
    expect(running((await home.launcher.launch(keyOf(), specOf(RUNS))).state).adopted).toBe(false)
  })
})

describe('an engine that ended', () => {
  test('keeps its exit code and never starts again under its key', async () => {
    await using home = await createHome()
    const count = join(home.dir, 'started')
    const script = `require('fs').appendFileSync(${JSON.stringify(count)}, 'x'); console.log('no weights'); process.exit(3)`
    await home.launcher.launch(keyOf(), specOf(script))
    const state = await until(async () => exitedOf(await home.launcher.inspect(keyOf())), 'its end')
    expect(state).toMatchObject({ code: 3, signal: null, logTail: ['no weights'] })
    expect(Date.parse(state.endedAt ?? '')).toBeGreaterThan(0)
    expect((await home.another().launch(keyOf(), specOf(script))).state).toEqual(state)
    expect(await readFile(count, 'utf8')).toBe('x')
    expect(running((await home.launcher.launch(keyOf({ launch: 2 }), specOf(RUNS))).state).adopted).toBe(false)
  })

  test('keeps the signal that ended it', async () => {
    await using home = await createHome()
    const { pid } = running((await home.launcher.launch(keyOf(), specOf(RUNS))).state)
    process.kill(pid, 'SIGKILL')
    const state = await until(async () => exitedOf(await home.launcher.inspect(keyOf())), 'its end')
    expect(state).toMatchObject({ code: null, signal: 'SIGKILL' })
  })

  test('one whose program is missing has ended, and its log says so', async () => {
    await using home = await createHome({ command: () => ({ argv: ['/nowhere/vllm'], env: {} }) })
    const { state } = await home.launcher.launch(keyOf(), specOf(RUNS))
    expect(state).toMatchObject({ phase: 'exited', code: 127, logTail: ['aim: cannot start /nowhere/vllm: ENOENT'] })
  })

  test('a process that has got its number is not taken for it, nor killed for it', async () => {
    await using home = await createHome()
    const stranger = spawn(process.execPath, ['-e', RUNS], { stdio: 'ignore' })
    try {
      const identity = identify(stranger.pid ?? 0)
      await home.launcher.launch(keyOf(), specOf('process.exit(0)'))
      await until(async () => exitedOf(await home.launcher.inspect(keyOf())), 'its end')
      const past = await home.record<EngineRecord>(keyOf(), 'engine.json')
      for (const wrong of [{ startTime: identity.startTime - 1 }, { bootId: 'another-boot' }]) {
        writeRecord(home.folder(keyOf()), 'engine.json', { ...past, ...identity, ...wrong })
        expect((await home.launcher.launch(keyOf(), specOf(RUNS))).state).toMatchObject({ phase: 'exited', code: 0 })
      }
      writeRecord(home.folder(keyOf()), 'engine.json', { ...past, ...identity }) // so that the test itself is proved
      expect(running(await home.launcher.inspect(keyOf())).pid).toBe(stranger.pid)
      writeRecord(home.folder(keyOf()), 'engine.json', { ...past, ...identity, startTime: identity.startTime - 1 })
      await home.launcher.stop(keyOf(), 0)
      expect(pidAlive(identity.pid)).toBe(true)
    } finally {
      stranger.kill('SIGKILL')
      await once(stranger, 'exit')
    }
  })
})

describe('the environment of an engine', () => {
  test('holds what it needs, its marker, and no secret of ours', async () => {
    const env = {
      ...process.env,
      HF_TOKEN: 'hf_secret1',
      VLLM_API_KEY: 'secret2',
      AWS_SECRET_ACCESS_KEY: 'secret3',
      DATABASE_URL: 'postgres://u:secret4@h/d',
      HTTPS_PROXY: 'http://u:secret5@h',
      NODE_OPTIONS: '--no-warnings',
      VLLM_CPU_KVCACHE_SPACE: '1',
      HIP_VISIBLE_DEVICES: '0,1',
      HF_HOME: '/data/hf',
    }
    await using home = await createHome({ env })
    const script = `console.log(JSON.stringify(process.env)); ${RUNS}`
    const { state } = await home.launcher.launch(keyOf(), specOf(script, { env: { HIP_VISIBLE_DEVICES: '3' } }))
    const [line] = await until(async () => nonEmpty(await home.launcher.logTail(keyOf(), 1)), 'its output')
    const seen = JSON.parse((await readFile(join(home.folder(keyOf()), 'engine.log'), 'utf8')).trim()) as Record<string, string>
    expect(line).toBeDefined()
    expect(seen).toMatchObject({ VLLM_CPU_KVCACHE_SPACE: '1', HIP_VISIBLE_DEVICES: '3', HF_HOME: '/data/hf', PATH: process.env['PATH'] })
    expect(seen).toMatchObject({ AIM_ENGINE_KEY: 'default/chat/0/1/1', AIM_ENGINE_DIR: home.dir, SPT_NOENV: '1' })
    const shim = await readFile(`/proc/${(await home.shimOf(keyOf())).pid}/environ`, 'utf8')
    for (const text of [JSON.stringify(seen), shim]) expect(text).not.toMatch(/secret\d|NODE_OPTIONS/)
    expect(running(state).pid).toBeGreaterThan(1)
  })
})

describe('ports', () => {
  test('a fixed port that somebody holds is refused, and nothing is left', async () => {
    await using home = await createHome()
    const { port, server } = await listen()
    try {
      const refused = home.launcher.launch(keyOf(), specOf(RUNS, { port }))
      await expect(refused).rejects.toMatchObject({ code: 'PortTaken', details: { port, host: '127.0.0.1' } })
      expect(await home.launcher.inspect(keyOf())).toEqual({ phase: 'absent' })
      expect(await home.launcher.list()).toEqual([])
    } finally {
      server.close()
    }
    expect(running((await home.launcher.launch(keyOf(), specOf(RUNS, { port }))).state).port).toBe(port)
  })

  test('a port from the range is free, and is not given twice to engines that do not listen yet', async () => {
    const { port, server } = await listen()
    try {
      await using home = await createHome({ ports: `${port}-${Math.min(port + 20, 65_535)}` })
      const launched = await Promise.all([1, 2, 3].map((launch) => home.launcher.launch(keyOf({ launch }), specOf(RUNS))))
      const ports = launched.map(({ state }) => running(state).port)
      expect(new Set([port, ...ports]).size).toBe(4)
      await expect(home.launcher.launch(keyOf({ launch: 4 }), specOf(RUNS, { port: ports[0] ?? 0 }))).rejects.toMatchObject({
        code: 'PortTaken',
      })
    } finally {
      server.close()
    }
  })

  test('a range with no free port is refused by its name', async () => {
    const { port, server } = await listen()
    try {
      await using home = await createHome({ ports: `${port}-${port}` })
      const refused = home.launcher.launch(keyOf(), specOf(RUNS))
      await expect(refused).rejects.toMatchObject({ code: 'PortTaken', details: { port: `${port}-${port}` } })
    } finally {
      server.close()
    }
  })

  test.each(['8100', '8199-8100', '80-90', '60000-70000'])('%s is no range', (ports) => {
    expect(() => createProcessLauncher({ dir: '/nowhere', command, ports })).toThrow(expect.objectContaining({ code: 'InvalidInput' }))
  })
})

test.each([
  { namespace: '../x' },
  { namespace: '' },
  { endpoint: 'a/b' },
  { endpoint: '..' },
  { replica: -1 },
  { fence: 1.5 },
  { launch: Number.NaN },
])('a key that is no path under the folder is refused: %j', async (wrong) => {
  await using home = await createHome()
  await expect(home.launcher.launch(keyOf(wrong), specOf(RUNS))).rejects.toMatchObject({ code: 'InvalidInput' })
  await expect(home.launcher.stop(keyOf(wrong), 0)).rejects.toMatchObject({ code: 'InvalidInput' })
})

/** What a launcher leaves that dies before it starts anything. */
async function record(folder: string, script: string, dir: string): Promise<void> {
  const bind = { host: '127.0.0.1', port: 21_000 }
  const marker = { AIM_ENGINE_KEY: 'default/chat/0/1/1', AIM_ENGINE_DIR: dir }
  const rotation = { maxBytes: 1_000_000, keep: 3, everyMs: 1_000 }
  const launch: LaunchRecord = { key: keyOf(), spec: specOf(script), ...command(specOf(script), bind), marker, bind, rotation }
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'spec.json'), JSON.stringify(launch))
}

function exitedOf<T extends { phase: string }>(state: T): Extract<T, { phase: 'exited' }> | null {
  return state.phase === 'exited' ? (state as Extract<T, { phase: 'exited' }>) : null
}

const nonEmpty = <T>(list: T[]): T[] | null => (list.length > 0 ? list : null)
