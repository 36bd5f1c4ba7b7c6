import type { AimClient } from '../client/types.js'
import type { Cli, CommandSpec, Configuration, GlobalFlags, Terminal } from './cli.js'
import { errorJson, errorText } from './errors.js'
import { exitCodeOf, type ExitCode } from './exit-codes.js'
import { Interrupted, watchInterrupts } from './interrupt.js'
import type { OutputFormat } from './output/render.js'
import { render } from './output/render.js'
import type { Report } from './output/report.js'
import { paintFor } from './output/style.js'

/** Runs one command: its report goes to stdout, everything else to stderr; the answer is the exit code. */
export async function run(
  terminal: Terminal,
  flags: GlobalFlags,
  commands: CommandSpec[],
  command: (cli: Cli) => Promise<Report>,
): Promise<ExitCode> {
  const { cli, close } = createCli(terminal, flags, commands)
  try {
    const report = await command(cli)
    await cli.print(report)
    return report.exit ?? 0
  } catch (error) {
    return reportFailure(error, terminal, flags)
  } finally {
    await close()
  }
}

/** Prints a failure in the form that was asked for; the answer is its exit code. */
export function reportFailure(error: unknown, terminal: Terminal, flags: GlobalFlags): ExitCode {
  if (error instanceof Interrupted) {
    for (const note of error.notes) terminal.stderr.write(`${note}\n`)
    return 130
  }
  const verbose = flags.verbose === true || terminal.env['AIM_DEBUG'] === '1'
  const format = formatOf(flags)
  const paint = paintFor(terminal.stderr, terminal.env, flags.color)
  terminal.stderr.write(format === 'json' || format === 'jsonl' ? errorJson(error, verbose) : errorText(error, paint, verbose))
  return exitCodeOf(error)
}

function formatOf(flags: GlobalFlags): OutputFormat {
  if (flags.quiet) return 'name'
  return flags.json ? 'json' : (flags.output ?? 'table')
}

export function createCli(terminal: Terminal, flags: GlobalFlags, commands: CommandSpec[]): { cli: Cli; close: () => Promise<void> } {
  const { stdout, stderr, env } = terminal
  let client: Promise<AimClient> | undefined
  let interrupts: AbortSignal | undefined
  const note = (line: string): void => {
    if (flags.quiet) return
    const event = { time: new Date(terminal.now()).toISOString(), event: 'note', text: line.trim() }
    stderr.write(flags.progress === 'json' ? `${JSON.stringify(event)}\n` : `${line}\n`)
  }
  const cli: Cli = {
    terminal,
    flags,
    format: formatOf(flags),
    commands,
    configuration: (overrides = {}) => configure(env, { ...overrides, ...(flags.home !== undefined && { home: flags.home }) }),
    connect: () => (client ??= connect(cli)),
    interrupts: () => (interrupts ??= watchInterrupts()),
    async print(report) {
      const width = stdout.isTTY ? (stdout.columns ?? 80) : null
      const view = { paint: paintFor(stdout, env, flags.color), width, time: flags.time, now: terminal.now() }
      stdout.write(await render(report, formatOf(flags), view))
      for (const line of report.notes ?? []) note(line)
    },
    note,
  }
  // A connection that never came has nothing to close; its error was the command's own.
  return { cli, close: async () => (await client?.catch(() => undefined))?.close() }
}

async function configure(env: NodeJS.ProcessEnv, overrides: Record<string, unknown>): Promise<Configuration> {
  const [{ loadSettings }, { pathsOf }] = await Promise.all([import('../config/load.js'), import('../config/paths.js')])
  const loaded = loadSettings(env, overrides)
  return { ...loaded, paths: pathsOf(loaded.settings, env) }
}

async function connect(cli: Cli): Promise<AimClient> {
  const { settings } = await cli.configuration()
  const { connectTo } = await import('./connect.js')
  return connectTo(settings)
}
