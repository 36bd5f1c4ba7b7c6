import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { createProcessLauncher, type ProcessLauncherOptions } from '../../../../src/adapters/launchers/process/index.js'
import { readStat, type ProcessIdentity } from '../../../../src/adapters/launchers/process/identity.js'
import { engineKeyName, type EngineKey, type EngineSpec, type EngineState } from '../../../../src/domain/engine.js'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/** An engine of the tests is a Node program, given as its text. */
export const RUNS = 'setInterval(() => {}, 1e9)'

export function specOf(script: string, more: Partial<EngineSpec> = {}): EngineSpec {
  const parallel = { tensor: 1, pipeline: 1, data: 1, expert: false }
  const base = { backend: 'llamacpp', servedName: 'chat', modelPath: '/models/chat', gpus: [], args: { script }, env: {} } as const
  return { ...base, gpus: [], parallel, settings: {}, ...more }
}

/** Turns such a spec into a command. Also as text, for launchers in processes of their own. */
export const command: ProcessLauncherOptions['command'] = (spec, bind) => ({
  argv: [process.execPath, '-e', String(spec.args['script'])],
  env: { ...spec.env, HOST: bind.host, PORT: String(bind.port) },
})

export const keyOf = (more: Partial<EngineKey> = {}): EngineKey => ({
  namespace: 'default',
  endpoint: 'chat',
  replica: 0,
  fence: 1,
  launch: 1,
  ...more,
})

/** A home for engines that is empty again when the test is over, whatever it did. */
export async function createHome(options: Partial<ProcessLauncherOptions> = {}) {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'aim-engines-')))
  // Below the ephemeral range, so that no port is taken by an outgoing connection.
  const create = (more: Partial<ProcessLauncherOptions> = {}) =>
    createProcessLauncher({ dir, command, ports: '21000-21999', ...options, ...more })
  const launcher = create()
  return {
    dir,
    launcher,
    /** Another one on the same folder, as after a restart. */
    another: create,
    folder: (key: EngineKey) => join(dir, engineKeyName(key)),
    record: async <T>(key: EngineKey, name: string) => JSON.parse(await readFile(join(dir, engineKeyName(key), name), 'utf8')) as T,
    shimOf: async (key: EngineKey) => JSON.parse(await readFile(join(dir, engineKeyName(key), 'shim.json'), 'utf8')) as ProcessIdentity,
    async [Symbol.asyncDispose]() {
      for (const { key } of await launcher.list()) await launcher.stop(key, 0)
      for (const pid of await marked(dir)) process.kill(pid, 'SIGKILL')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Pids of living processes that carry the marker of a home, wherever they are. */
export async function marked(dir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''))) // ended meanwhile
  return pids.filter((pid, at) => environments[at]?.split('\0').includes(`AIM_ENGINE_DIR=${dir}`) && readStat(pid)?.ended === false)
}

export async function until<T>(look: () => Promise<T | null | undefined | false> | T | null | undefined | false, what: string): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const found = await look()
    if (found !== null && found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await sleep(20)
  }
}

export function running(state: EngineState): Extract<EngineState, { phase: 'running' }> {
  expect(state).toMatchObject({ phase: 'running' })
  return state as Extract<EngineState, { phase: 'running' }>
}

export const pidAlive = (pid: number): boolean => readStat(pid)?.ended === false

/** A server on a port that the kernel chose. */
export async function listen(): Promise<{ port: number; server: Server }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { port: address.port, server }
}

/** Program of a process that launches as we do, from what was built. */
export function launcherProgram(dir: string, key: EngineKey, spec: EngineSpec, then: string): string {
  const built = join(repository, 'dist/src/adapters/launchers/process/index.js')
  return `
    import { createProcessLauncher } from ${JSON.stringify(built)}
    const launcher = createProcessLauncher({
      dir: ${JSON.stringify(dir)}, ports: '21000-21999',
      command: (spec, bind) => ({ argv: [process.execPath, '-e', spec.args.script], env: { ...spec.env, HOST: bind.host, PORT: String(bind.port) } }),
    })
    const { state } = await launcher.launch(${JSON.stringify(key)}, ${JSON.stringify(spec)})
    console.log(JSON.stringify(state))
    ${then}
  `
}
