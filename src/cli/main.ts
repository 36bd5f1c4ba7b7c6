#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { invoke, type GlobalFlags, type Stream, type Terminal } from './cli.js'
import { COMMANDS } from './commands/index.js'
import { buildProgram } from './program.js'

const terminal: Terminal = {
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
}

/** The command line, from argv to exit code. All that takes time is loaded by the verb that needs it. */
async function main(): Promise<number> {
  let exit = 0
  const program = buildProgram(COMMANDS, version(), async ({ spec, args, options, flags }) => {
    const [{ run }, verb] = await Promise.all([import('./run.js'), spec.load()])
    exit = await run(terminal, flags, COMMANDS, (cli) => invoke(verb, cli, args, options))
  })
  try {
    await program.parseAsync(terminal.argv, { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // help was printed: asked for, or for want of a verb
    const { reportFailure } = await import('./run.js')
    return reportFailure(error, terminal, program.opts<GlobalFlags>())
  }
}

/** The nearest package.json is ours, in the source tree and when installed. */
function version(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    try {
      return (JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string }).version
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return 'unknown'
}

/** A reader that has gone (`aim status | head -1`) is no failure. */
function endQuietlyOnClosedPipe(stream: Stream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}

function flushed(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve())
  })
}

endQuietlyOnClosedPipe(process.stdout)
endQuietlyOnClosedPipe(process.stderr)
const code = await main()
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
// Connections that still wait for an answer must not keep a person who has left.
process.exit(code)
