import { SETTINGS } from '../../config/settings.js'
import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { EXIT_CODES } from '../exit-codes.js'
import type { Report } from '../output/report.js'
import { buildProgram } from '../program.js'

/** Help on a topic or a command: `aim help exit-codes`, `aim help recipes list`. */
export async function help(cli: Cli, words: string[]): Promise<Report> {
  const topic = words.join(' ')
  const text = TOPICS[topic]?.() ?? commandHelp(cli, words)
  if (text === null) throw new AimError('NotFound', { what: `help on ${topic}`, topics: Object.keys(TOPICS).join(', ') })
  return { data: { topic, text }, names: [topic], text: () => text }
}

const TOPICS: Record<string, () => string> = {
  'exit-codes': () => `Exit codes\n\n${pairs(Object.entries(EXIT_CODES))}`,
  output: () => `Output

stdout carries data only; progress, remarks, questions and errors go to stderr.

${pairs([
  ['-o table', 'for people; cut to the width of a terminal, never when piped; the text may change between versions'],
  ['-o wide', 'the same with more columns, never cut'],
  ['-o json', 'one value, stable; --json for short. With --watch and --follow one object a line'],
  ['-o jsonl', 'one object a line'],
  ['-o yaml', 'the same data as json'],
  ['-o name', 'names only, one a line; -q for short'],
])}
Progress goes to stderr in the form that --progress names: a live list on a terminal, plain lines elsewhere and when CI is set.
With -o json an error is one line on stderr: {"error":{"code","message","details","fix"}}.
`,
  environment: () => `Environment

Order: default < environment < profile (AIM_HOME/config.yaml) < flag. \`aim config view --origin\` shows what is in force.

${pairs(Object.values(SETTINGS).map(({ env, about }): [string, string] => [env, about]))}
${pairs([
  ['NO_COLOR', 'no colours'],
  ['FORCE_COLOR', 'colours also where stdout is no terminal'],
  ['CI', 'plain progress, also on a terminal'],
  ['AIM_DEBUG', '1: errors with all details and their stack'],
])}`,
}

function pairs(rows: [string, string][]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('')
}

/** What `--help` prints there; null when there is no such command. */
function commandHelp({ commands }: Cli, words: string[]): string | null {
  let text = ''
  const program = buildProgram(commands, '', async () => {})
  let command = program
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word)
    if (next === undefined) return null
    command = next
  }
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp()
  return text
}
