import type { AimClient } from '../client/types.js'
import type { LoadedSettings } from '../config/load.js'
import type { Paths } from '../config/paths.js'
import type { SettingName } from '../config/settings.js'
import type { OutputFormat } from './output/render.js'
import type { Report } from './output/report.js'
import type { TimeFormat } from './output/units.js'
import type { ProgressMode } from './progress/modes.js'

/** Flags that every command takes. */
export type GlobalFlags = {
  output?: OutputFormat
  json?: boolean
  quiet?: boolean
  verbose?: boolean
  color: boolean
  progress: ProgressMode
  time: TimeFormat
  home?: string
}

export type Stream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number }

/** The outside of a command, handed in so that tests can hold both ends. */
export type Terminal = {
  argv: string[]
  env: NodeJS.ProcessEnv
  stdin: NodeJS.ReadableStream & { isTTY?: boolean }
  stdout: Stream
  stderr: Stream
  now: () => number
}

export type Configuration = LoadedSettings & { paths: Paths }

/** What a command works with. Nothing heavy is loaded before it is asked for. */
export interface Cli {
  readonly terminal: Terminal
  readonly flags: GlobalFlags
  /** `-o`, `--json` and `-q` settled. */
  readonly format: OutputFormat
  /** Every verb: for help and completion. */
  readonly commands: CommandSpec[]
  readonly configuration: (overrides?: Partial<Record<SettingName, unknown>>) => Promise<Configuration>
  /** Connects to Temporal. Closed when the command ends. Throws AimError NotRunning, TemporalUnreachable. */
  readonly connect: () => Promise<AimClient>
  /** From here on Ctrl-C and SIGTERM abort this signal instead of ending the process; a second one ends it. */
  readonly interrupts: () => AbortSignal
  /** Prints a report before the command has ended (watching, a server that is ready). */
  readonly print: (report: Report) => Promise<void>
  /** One line for people, on stderr; nothing with --quiet. */
  readonly note: (line: string) => void
}

/** Values of a command's own flags, as commander gives them. */
export type Run<Options> = (cli: Cli, args: string[], options: Options) => Promise<Report>

/** What Tab offers for an argument or a flag's value. */
export type Completion = 'endpoint' | 'directory' | 'recipe' | 'node' | readonly string[]

/** One flag. `flags` and `about` as commander takes them. */
export type OptionSpec = {
  flags: string
  about: string
  choices?: readonly string[]
  default?: string | number | boolean
  /** `before` is what the same flag gave earlier on the line. */
  parse?: (value: string, before?: unknown) => unknown
  conflicts?: string[]
  complete?: Completion
}

export type ArgumentSpec = {
  /** `<name>` is required, `[name]` is not. */ name: string
  about: string
  choices?: readonly string[]
  complete?: Completion
}

/** One verb. The table of them is all that `aim --help` loads; `load` brings the code when the verb is called. */
export type CommandSpec = {
  /** Words after `aim`: `status`, `recipes list`. */
  name: string
  about: string
  /** More for `--help`: what it changes, how it ends. */
  more?: string
  arguments?: ArgumentSpec[]
  options?: OptionSpec[]
  /** At least one: a command and what it does. */
  examples: [command: string, what: string][]
  hidden?: boolean
  load: () => Promise<Run<never>>
}

/** Calls a verb. Its flags were parsed by the very table that declares them. */
export function invoke(run: Run<never>, cli: Cli, args: string[], options: Record<string, unknown>): Promise<Report> {
  return run(cli, args, options as never)
}
