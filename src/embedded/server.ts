import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { endingWithUs } from '../config/child-processes.js'
import { lockFile } from '../config/lock-file.js'
import { AimError } from '../contracts/errors.js'
import { serverArgv, serverEnvironment } from './command.js'
import { boundLog, openLog, sizeOf, tailOf } from './log-file.js'
import { assertPortFree } from './ports.js'
import { untilReady } from './ready.js'
import { clearLeftover, DATABASE_NAME, endProcess, recordServer, type ServerRecord } from './server-record.js'

const START_LIMIT_MS = 60_000
const STOP_GRACE_MS = 10_000
const LOOK_AT_LOG_MS = 60_000

export type TemporalOptions = {
  /** Path of the `temporal` program. */
  program: string
  /** Folder of the database; one server at a time runs on it. */
  dir: string
  port: number
  /** Port of Temporal's web page. */
  uiPort: number
  namespace: string
  /** File that the server's own messages go to. */
  log: string
  host?: string
}

/** How a server ended. `reason` is one line, `logTail` what it wrote last. */
export type TemporalExit = { expected: boolean; reason: string; logTail: string[] }

/** A Temporal server that runs and answers, and ends with this process. */
export type TemporalServer = {
  address: string
  uiUrl: string
  pid: number
  /** Settles when the process has ended, for whatever reason. */
  exited: Promise<TemporalExit>
  /** SIGTERM, then SIGKILL after `graceMs`. All state is kept. Safe to repeat. */
  stop(graceMs?: number): Promise<void>
}

/**
 * Starts the server on its folder, first ending one that an earlier owner left, and returns when it answers.
 * @throws AimError `AlreadyRunning` when another live process owns the folder, `PortTaken`, `TemporalFailed`.
 */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const { dir, port, uiPort, host = '127.0.0.1' } = options
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const lock = lockFile(join(dir, 'lock'), `a Temporal server on ${dir}`)
  try {
    await clearLeftover(dir)
    await assertPortFree(host, port, 'AIM_TEMPORAL_PORT')
    await assertPortFree(host, uiPort, 'AIM_UI_PORT')
    const server = await launch({ ...options, host })
    void server.exited.finally(() => lock.release()).catch(() => {}) // reported by who awaits `exited`
    return server
  } catch (error) {
    lock.release()
    throw error
  }
}

async function launch(options: Required<TemporalOptions>): Promise<TemporalServer> {
  const { dir, host, port, uiPort } = options
  const fresh = !existsSync(join(dir, DATABASE_NAME))
  const child = await spawnServer(options)
  const record = recordServer(dir, child.pid, fresh)
  let stopping = false
  const exited = child.ended.then(async ({ how, logTail }): Promise<TemporalExit> => {
    await clearLeftover(dir)
    return { expected: stopping, reason: logTail.length === 0 ? how : `${how}: ${logTail.at(-1)}`, logTail }
  })
  const stop = async (graceMs = STOP_GRACE_MS): Promise<void> => {
    stopping = true
    await endProcess(record, graceMs)
    await exited
  }
  await becomeReady({ ...options, exited, stop })
  markFinished(dir, record)
  return { address: `${host}:${port}`, uiUrl: `http://${host}:${uiPort}`, pid: child.pid, exited, stop }
}

type Ended = { how: string; logTail: string[] }

/** In a session of its own: Ctrl-C in our terminal reaches us alone, and we end the server after those who use it. */
async function spawnServer(options: Required<TemporalOptions>): Promise<{ pid: number; ended: Promise<Ended> }> {
  const { program, dir, log } = options
  boundLog(log)
  const output = openLog(log)
  const begin = sizeOf(log)
  const [command, argv] = endingWithUs(program, serverArgv(options), 'SIGTERM')
  const child = spawn(command, argv, { cwd: dir, env: serverEnvironment(process.env), detached: true, stdio: ['ignore', output, output] })
  closeSync(output)
  const { pid } = child
  if (pid === undefined)
    throw new AimError('TemporalFailed', { reason: `${program} cannot be started`, log }, { cause: await failureOf(child) })
  const bounding = setInterval(() => boundLog(log), LOOK_AT_LOG_MS).unref()
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      clearInterval(bounding)
      resolve({ how: signal === null ? `exit code ${code}` : `ended by ${signal}`, logTail: tailOf(log, begin, 20) })
    })
  })
  return { pid, ended }
}

const failureOf = (child: ChildProcess): Promise<Error> => new Promise((resolve) => child.once('error', resolve))

type Starting = Required<TemporalOptions> & Pick<TemporalServer, 'exited' | 'stop'>

async function becomeReady({ exited, stop, ...options }: Starting): Promise<void> {
  const { host, port, log } = options
  const giveUp = new AbortController()
  const failed = (reason: string): void => giveUp.abort(new AimError('TemporalFailed', { reason, log }))
  const limit = setTimeout(() => failed(`it did not answer at ${host}:${port} within ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS)
  void exited.then(
    (exit) => failed(exit.reason),
    (error: unknown) => failed(String(error)),
  )
  try {
    await untilReady(options, giveUp.signal)
  } catch (error) {
    await stop()
    throw giveUp.signal.aborted ? giveUp.signal.reason : error
  } finally {
    clearTimeout(limit)
  }
}

/** From now on the database holds what people asked for: it is never again taken for one that was not finished. */
function markFinished(dir: string, record: ServerRecord): void {
  if (record.fresh) recordServer(dir, record.pid, false)
}
