import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { engineKeyName, type EngineCommand, type EngineKey, type EngineSpec, type EngineState } from '../../../domain/engine.js'
import type { Bind } from '../../../engines/engine.js'
import type { EngineLauncher, LaunchedEngine } from '../../../ports/engine-launcher.js'
import { engineEnvironment } from './environment.js'
import { canonical, foldersBelow, removeBelow } from './folders.js'
import type { ProcessIdentity } from './identity.js'
import { folderOf } from './key.js'
import { engineProcesses, MARKER, reapLeftovers } from './leftovers.js'
import { withLock } from './lock.js'
import { tailOf } from './log-tail.js'
import { choosePort, parsePortRange } from './ports.js'
import { FILES, readRecord, writeRecord, type EngineRecord, type LaunchRecord, type LogRotation } from './record.js'
import { startShim } from './start.js'
import { observe, settled, type Observed } from './state.js'
import { endProcess, endTree } from './stop.js'
import type { Marker } from './tree.js'

export type ProcessLauncherOptions = {
  /** Folder of the records and logs of all engines; one launcher at a time changes it, however many processes there are. */
  dir: string
  /** Turns a spec into a command; `commandWith(tools)` of the engines. */
  command: (spec: EngineSpec, bind: Bind) => EngineCommand
  /** Range that engines without a fixed port take theirs from. */
  ports?: string
  host?: string
  /** Environment of which the allowed part is passed on. */
  env?: NodeJS.ProcessEnv
  rotation?: LogRotation
  /** Milliseconds in which SIGKILL ends a process, or never does; absent: 30 s. */
  killMs?: number
}

const ROTATION: LogRotation = { maxBytes: 16 * 1024 * 1024, keep: 3, everyMs: 2_000 }
/** Levels of folders in an engine key. */
const KEY_DEPTH = 5
/** Lines of the log that tell why an engine ended: the cause may stand far above the last line. */
const EXIT_TAIL = 200

/**
 * Runs engines as processes of this machine. Everything is on disk under `dir`, nothing in memory: any number of launchers, one after
 * the other or at the same time, see and do the same.
 */
export function createProcessLauncher(options: ProcessLauncherOptions): EngineLauncher {
  const { command, host = '127.0.0.1', rotation = ROTATION } = options
  const range = parsePortRange(options.ports ?? '8100-8199')
  const environment = engineEnvironment(options.env ?? process.env)

  async function launch(key: EngineKey, spec: EngineSpec): Promise<LaunchedEngine> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 })
    const root = await canonical(options.dir)
    const folder = folderOf(root, key)
    const known = await settled(folder)
    if (known.phase !== 'absent') return describe(folder, known, true)
    return withLock(root, async () => {
      const now = await settled(folder)
      if (now.phase !== 'absent') return describe(folder, now, true)
      await record(root, folder, key, spec)
      return describe(folder, await startShim(folder, environment), false)
    })
  }

  /** Written whole before anything starts. A record without a shim is a launch that never was: it is written anew. */
  async function record(root: string, folder: string, key: EngineKey, spec: EngineSpec): Promise<void> {
    const port = await choosePort(host, spec.port, range, await heldPorts(root))
    const bind = { host, port }
    const launchRecord: LaunchRecord = { key, spec, ...command(spec, bind), marker: markerOf(root, key), bind, rotation }
    await mkdir(folder, { recursive: true, mode: 0o700 })
    writeRecord(folder, FILES.launch, launchRecord)
  }

  async function stop(key: EngineKey, graceMs: number): Promise<number[]> {
    const root = await canonical(options.dir)
    const folder = folderOf(root, key)
    for (;;) {
      const undying = await end(folder, markerOf(root, key), graceMs, options.killMs)
      if (undying.length > 0) return undying
      const removed = await withLock(root, async () => {
        const { phase } = await observe(folder)
        if (phase === 'running' || phase === 'unsettled') return false // a launch of this key came in between
        await removeBelow(root, folder)
        return true
      })
      if (removed) return []
    }
  }

  async function inspect(key: EngineKey): Promise<EngineState> {
    const folder = folderOf(await canonical(options.dir), key)
    return stateOf(folder, await settled(folder), true)
  }

  async function list(): ReturnType<EngineLauncher['list']> {
    const folders = await foldersBelow(await canonical(options.dir), KEY_DEPTH)
    const found = await Promise.all(
      folders.toSorted().map(async (folder) => {
        const launched = await readRecord<LaunchRecord>(folder, FILES.launch)
        if (launched === null) return []
        const state = await stateOf(folder, await settled(folder), true)
        return [{ key: launched.key, spec: launched.spec, state, logFile: join(folder, FILES.log) }]
      }),
    )
    return found.flat()
  }

  async function logTail(key: EngineKey, lines: number): Promise<string[]> {
    return tailOf(join(folderOf(await canonical(options.dir), key), FILES.log), lines)
  }

  return {
    launch,
    inspect,
    stop,
    list,
    processes: async (namespace) => engineProcesses(await canonical(options.dir), namespace),
    reap: async (namespace, pids) => reapLeftovers(await canonical(options.dir), namespace, pids),
    logTail,
  }
}

async function end(folder: string, marker: Marker, graceMs: number, killMs: number | undefined): Promise<number[]> {
  const [shim, engine] = await Promise.all([
    readRecord<ProcessIdentity>(folder, FILES.shim),
    readRecord<EngineRecord>(folder, FILES.engine),
  ])
  // A shim that has not started its engine yet must not do so behind our back.
  if (shim !== null && engine === null) await endProcess(shim)
  const started = engine ?? (await readRecord<EngineRecord>(folder, FILES.engine))
  const undying = await endTree(marker, started, graceMs, killMs)
  // The shim waits for its engine, also for one that never ends.
  if (shim !== null && undying.length === 0) await endProcess(shim)
  return undying
}

/** Ports of living engines, also of those that do not listen yet. */
async function heldPorts(root: string): Promise<Set<number>> {
  const observed = await Promise.all((await foldersBelow(root, KEY_DEPTH)).map(settled))
  return new Set(observed.flatMap((one) => (one.phase === 'running' ? [one.engine.bind.port] : [])))
}

/** The folder is part of it, because two homes on one machine may use the same key. */
function markerOf(root: string, key: EngineKey): Marker {
  return { [MARKER.key]: engineKeyName(key), [MARKER.dir]: root }
}

type Settled = Exclude<Observed, { phase: 'unsettled' }>

async function describe(folder: string, observed: Settled, adopted: boolean): Promise<LaunchedEngine> {
  const state = await stateOf(folder, observed, adopted)
  const launched = observed.phase === 'running' ? observed.engine : await readRecord<LaunchRecord>(folder, FILES.launch)
  return { state, argv: launched?.argv ?? [], env: launched?.env ?? {} }
}

async function stateOf(folder: string, observed: Settled, adopted: boolean): Promise<EngineState> {
  if (observed.phase === 'absent') return observed
  if (observed.phase === 'running') {
    const { pid, bind, startedAt } = observed.engine
    return { phase: 'running', pid, url: `http://${bind.host}:${bind.port}`, port: bind.port, since: startedAt, adopted }
  }
  const { code, signal, endedAt } = observed.exit ?? { code: null, signal: null, endedAt: null }
  return { phase: 'exited', code, signal, endedAt, logTail: await tailOf(join(folder, FILES.log), EXIT_TAIL) }
}
