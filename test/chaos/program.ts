import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '../support/wait-for.js'

/** As a service manager waits before it starts a program again. */
const RESTART_MS = 500
/** A database that is made takes seconds, on a busy machine more. */
const START_LIMIT_MS = 120_000

export type ProgramOptions = {
  name: string
  argv: string[]
  env: NodeJS.ProcessEnv
  /** File that its output is added to. */
  log: string
  /** What it writes when it is up. */
  up: RegExp
}

/** A program that is kept running, as a service manager would. */
export class Program {
  /** How often it ended without having been asked to. */
  falls = 0
  private child: ChildProcess | null = null
  private wanted = false

  constructor(private readonly options: ProgramOptions) {}

  get pid(): number {
    return this.child?.pid ?? 0
  }

  /** Returns when it is up. `more`: environment of this life only. */
  async start(more: NodeJS.ProcessEnv = {}): Promise<void> {
    this.wanted = true
    const { log, up, name } = this.options
    const begin = this.spawn(more)
    const said = (): string => readFileSync(log, 'utf8').slice(begin)
    await waitFor(`${name} to be up`, () => up.test(said()), START_LIMIT_MS).catch((error: unknown) => {
      throw new Error(`${name} did not come up: ${said().slice(-2_000)}`, { cause: error })
    })
  }

  /** Ends it, and leaves it ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.wanted = false
    const { child } = this
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  private spawn(more: NodeJS.ProcessEnv): number {
    const { argv, env, log } = this.options
    const [command = '', ...rest] = argv
    const output = openSync(log, 'a')
    const begin = statSync(log).size
    const child = spawn(command, rest, { env: { ...env, ...more }, stdio: ['ignore', output, output] })
    closeSync(output)
    this.child = child
    child.once('exit', () => {
      if (!this.wanted || this.child !== child) return
      this.falls += 1
      void sleep(RESTART_MS).then(() => this.wanted && this.child === child && this.spawn(more))
    })
    return begin
  }
}
