import { Argument, Command, Option } from 'commander'
import type { ArgumentSpec, CommandSpec, GlobalFlags, OptionSpec } from './cli.js'
import { UsageError } from './errors.js'
import { OUTPUT_FORMATS } from './output/render.js'
import { PROGRESS_MODES } from './progress/modes.js'

/** Flags that every command takes, before or after the verb. */
export const GLOBAL_OPTIONS: OptionSpec[] = [
  { flags: '-o, --output <format>', about: 'form of the answer on stdout', choices: OUTPUT_FORMATS },
  { flags: '--json', about: 'the same as -o json' },
  { flags: '-q, --quiet', about: 'only names on stdout, nothing but errors on stderr' },
  { flags: '-v, --verbose', about: 'details of errors' },
  { flags: '--no-color', about: 'no colours (also NO_COLOR=1; FORCE_COLOR=1 for the opposite)' },
  { flags: '--progress <mode>', about: 'how running work is shown on stderr', choices: PROGRESS_MODES, default: 'auto' },
  { flags: '--time <format>', about: 'how times are shown', choices: ['relative', 'iso'], default: 'relative' },
  { flags: '--home <dir>', about: 'state of this machine (AIM_HOME)', complete: 'directory' },
]

/** What a parsed command line asks for. */
export type Invocation = { spec: CommandSpec; args: string[]; options: Record<string, unknown>; flags: GlobalFlags }

/**
 * The command line as commander sees it, from the table of verbs. `call` gets the verb that was asked for.
 * Throws UsageError (exit code 2), or commander's own error when help or the version was printed.
 */
export function buildProgram(commands: CommandSpec[], version: string, call: (invocation: Invocation) => Promise<void>): Command {
  const program = new Command('aim')
    .description('Puts large language models into service on AMD GPU nodes and keeps them there.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'help on the command')
    .helpCommand(false)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
    })
    .configureOutput({ outputError: () => {} })
    .addHelpText(
      'after',
      '\nFirst steps: aim up -d, then aim deploy org/name, then aim chat NAME "Hello". More: aim help exit-codes | output | environment',
    )
  throwUsageErrors(program, 'aim')
  for (const spec of GLOBAL_OPTIONS) program.addOption(optionOf(spec))
  for (const spec of commands) addCommand(program, spec, call)
  return program
}

function addCommand(program: Command, spec: CommandSpec, call: (invocation: Invocation) => Promise<void>): void {
  const words = spec.name.split(' ')
  const parent = words.length === 1 ? program : groupOf(program, spec)
  const command = parent.command(words.at(-1) ?? '', { hidden: spec.hidden === true })
  command.description(spec.more === undefined ? spec.about : `${spec.about}\n\n${spec.more}`).summary(spec.about)
  command.addHelpText('after', examplesText(spec))
  throwUsageErrors(command, `aim ${spec.name}`)
  for (const argument of spec.arguments ?? []) command.addArgument(argumentOf(argument))
  for (const option of spec.options ?? []) command.addOption(optionOf(option))
  command.action(() => call({ spec, args: command.args, options: command.opts(), flags: program.opts<GlobalFlags>() }))
}

/** The first word of a verb of two. Its line in the help is that of what it holds. */
function groupOf(program: Command, { name, about }: CommandSpec): Command {
  const [word = '', verb = ''] = name.split(' ')
  const known = program.commands.find((command) => command.name() === word)
  const group = known ?? program.command(word).helpCommand(false)
  if (known === undefined) throwUsageErrors(group, `aim ${word}`)
  return group.description([known?.description(), `${verb}: ${about}`].filter(Boolean).join('; '))
}

/** Commander would end the process with 1. */
function throwUsageErrors(command: Command, path: string): void {
  command.exitOverride((error) => {
    throw error.exitCode === 0 || error.code === 'commander.help' ? error : new UsageError(error, path)
  })
}

function optionOf({ flags, about, choices, default: value, parse, conflicts }: OptionSpec): Option {
  const option = new Option(flags, about)
  if (choices !== undefined) option.choices(choices)
  if (value !== undefined) option.default(value)
  if (parse !== undefined) option.argParser(parse)
  if (conflicts !== undefined) option.conflicts(conflicts)
  return option
}

function argumentOf({ name, about, choices }: ArgumentSpec): Argument {
  const argument = new Argument(name, about)
  return choices === undefined ? argument : argument.choices(choices)
}

function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function examplesText({ examples }: CommandSpec): string {
  const width = Math.max(...examples.map(([command]) => command.length))
  return `\nExamples:\n${examples.map(([command, what]) => `  ${command.padEnd(width)}  # ${what}`).join('\n')}`
}
