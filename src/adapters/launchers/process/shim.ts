import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { identify, readStat } from './identity.js'
import { createRecord, FILES, writeRecord, type EngineRecord, type ExitRecord, type LaunchRecord } from './record.js'
import { rotateLog } from './rotate.js'

/*
 * The parent of one engine: starts it, keeps its log small, and writes down how it ended. It runs in a session of its own, so that it
 * outlives the launcher; the engine runs in another one and writes to its log itself, so that it outlives the shim.
 *
 *   node shim.js <folder of the launch>
 */

/** Milliseconds that the rest of an engine has to clean up (Python frees shared memory after its main process has ended). */
const LEFTOVER_MS = 2_000

function main(folder: string): void {
  // Of two shims for one launch, one starts the engine and the other ends here.
  if (!createRecord(folder, FILES.shim, identify(process.pid))) return
  // It ends with the engine and by nothing else: who else would know the exit code?
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

  const launch = JSON.parse(readFileSync(join(folder, FILES.launch), 'utf8')) as LaunchRecord
  try {
    watch(folder, launch, start(folder, launch))
  } catch (error) {
    couldNotStart(folder, launch, error as NodeJS.ErrnoException)
  }
}

function start(folder: string, { argv, env, marker }: LaunchRecord): ChildProcess {
  const output = openSync(join(folder, FILES.log), 'a', 0o600)
  const [program, ...args] = argv
  try {
    return spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env, ...marker },
      detached: true,
      stdio: ['ignore', output, output],
    })
  } finally {
    closeSync(output)
  }
}

function watch(folder: string, launch: LaunchRecord, engine: ChildProcess): void {
  const { pid } = engine
  if (pid === undefined) {
    engine.on('error', (error) => couldNotStart(folder, launch, error))
    return
  }
  register(folder, pid, launch)
  const rotation = setInterval(() => rotateLog(join(folder, FILES.log), launch.rotation), launch.rotation.everyMs)
  engine.on('exit', (code, signal) => {
    clearInterval(rotation)
    recordEnd(folder, { code, signal })
    setTimeout(() => killLeftovers(pid), LEFTOVER_MS)
  })
}

/** An engine that nobody can find again must not run. */
function register(folder: string, pid: number, { bind, argv, env }: LaunchRecord): void {
  try {
    writeRecord(folder, FILES.engine, { ...identify(pid), bind, argv, env, startedAt: new Date().toISOString() } satisfies EngineRecord)
  } catch (error) {
    process.kill(-pid, 'SIGKILL')
    throw error
  }
}

/** Exits as a shell does: 127 for a program that is not there, 126 for one that cannot run. */
function couldNotStart(folder: string, { argv }: LaunchRecord, error: NodeJS.ErrnoException): void {
  appendFileSync(join(folder, FILES.log), `aim: cannot start ${argv[0]}: ${error.code ?? error.message}\n`)
  recordEnd(folder, { code: error.code === 'ENOENT' ? 127 : 126, signal: null })
}

function recordEnd(folder: string, how: Pick<ExitRecord, 'code' | 'signal'>): void {
  writeRecord(folder, FILES.exit, { ...how, endedAt: new Date().toISOString() } satisfies ExitRecord)
}

/** What an engine leaves behind in its group serves nobody and may hold GPU memory. */
function killLeftovers(group: number): void {
  if (readStat(group) !== null) return // the number has a new owner already
  try {
    process.kill(-group, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

main(process.argv[2] ?? '')
