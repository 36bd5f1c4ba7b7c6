import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Paths } from '../config/paths.js'
import { readStackFile, type StackFile } from '../config/stack-file.js'
import { AimError, ERRORS, type ErrorCode, type ErrorDetails } from '../contracts/errors.js'
import type { Cli } from './cli.js'
import { Interrupted, pause } from './interrupt.js'
import { duration } from './output/units.js'
import { HEARTBEAT_MS } from './progress/plain.js'

const POLL_MS = 100

/**
 * Runs `aim up` with these flags in a session of its own, and waits until it is ready. There is no deadline, because a first
 * start may have to obtain Temporal; its steps are shown as they come. Throws the error that it ended with.
 */
export async function startDetached(cli: Cli, paths: Paths, flags: string[]): Promise<StackFile> {
  const interrupts = cli.interrupts()
  const log = await logFrom(paths.stackLog)
  const child = launch(cli, paths, flags)
  const started = cli.terminal.now()
  let lastLine = started
  const said: string[] = []
  while (!interrupts.aborted) {
    const stack = readStackFile(paths.stackFile)
    if (stack !== null && stack.pid === child.pid) {
      child.unref()
      return stack
    }
    const ended = child.exitCode ?? child.signalCode
    const lines = await log.next()
    said.push(...lines)
    if (ended !== null) throw endOf(said, ended, paths.stackLog)
    for (const line of lines) if (errorIn(line) === null) cli.note(line)
    if (lines.length > 0) lastLine = cli.terminal.now()
    else if (cli.terminal.now() - lastLine >= HEARTBEAT_MS) {
      lastLine = cli.terminal.now()
      cli.note(`still starting after ${duration(lastLine - started)}`)
    }
    await pause(POLL_MS, interrupts)
  }
  const gone = new Promise((resolve) => child.once('exit', resolve))
  if (child.kill('SIGTERM')) await gone
  throw new Interrupted(['the start was cancelled; nothing is left running'])
}

function launch(cli: Cli, paths: Paths, flags: string[]): ChildProcess {
  mkdirSync(dirname(paths.stackLog), { recursive: true })
  const log = openSync(paths.stackLog, 'a', 0o600)
  try {
    // Errors as JSON, so that this process can tell them as they are.
    const argv = [fileURLToPath(new URL('main.js', import.meta.url)), 'up', '--json', '--no-color', '--home', paths.home, ...flags]
    return spawn(process.execPath, argv, { detached: true, stdio: ['ignore', log, log], env: cli.terminal.env })
  } finally {
    closeSync(log)
  }
}

/** Whole lines that were appended since the last call. */
async function logFrom(file: string): Promise<{ next(): Promise<string[]> }> {
  let position = await stat(file).then(
    ({ size }) => size,
    () => 0, // the first start writes it
  )
  return {
    async next() {
      const handle = await open(file)
      try {
        const { buffer, bytesRead } = await handle.read({ position, buffer: Buffer.alloc(64 * 1024) })
        const whole = buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(10) + 1)
        position += whole.length
        return whole.length === 0 ? [] : whole.toString('utf8').trimEnd().split('\n')
      } finally {
        await handle.close()
      }
    },
  }
}

function endOf(lines: string[], ended: number | string, log: string): AimError {
  const { code, details } = lines.map(errorIn).findLast((error) => error !== null) ?? {}
  if (code !== undefined) return new AimError(code, { ...details, log })
  return new AimError('Internal', { reason: `aim up ended with ${ended} before it was ready`, log, 'last line': lines.at(-1) ?? 'none' })
}

function errorIn(line: string): { code: ErrorCode; details: ErrorDetails } | null {
  if (!line.startsWith('{"error":')) return null
  const { error } = JSON.parse(line) as { error: { code: string; details: ErrorDetails } }
  return error.code in ERRORS ? { code: error.code as ErrorCode, details: error.details } : null
}
