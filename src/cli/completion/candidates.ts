import type { ArgumentSpec, CommandSpec, Completion, OptionSpec } from '../cli.js'

/** What Tab may offer: fixed words, or a kind of name that has to be looked up. */
export type Candidates = { words: Candidate[] } | { kind: Extract<Completion, string> }
export type Candidate = { word: string; about: string }

const NOTHING: Candidates = { words: [] }

/** Candidates for the last of `words` (it may be empty), which follow `aim` on the command line. Filtering by prefix is the caller's. */
export function candidatesFor(words: string[], commands: CommandSpec[], globals: OptionSpec[]): Candidates {
  const before = words.slice(0, -1)
  const current = words.at(-1) ?? ''
  const { spec, rest } = commandOf(before, commands)
  const options = [...(spec?.options ?? []), ...globals]
  const awaited = options.find((option) => takesValue(option) && namesOf(option).includes(before.at(-1) ?? ''))
  if (awaited !== undefined) return valuesOf(awaited)
  if (current.startsWith('-')) return { words: options.flatMap(({ flags, about }) => namesOf({ flags }).map((word) => ({ word, about }))) }
  if (spec === null) return verbs(rest, commands)
  const argument = spec.arguments?.at(Math.min(positionals(rest, options), spec.arguments.length - 1))
  return argument === undefined ? NOTHING : valuesOf(argument)
}

/** The verb that the words name, and what follows it. No verb yet: the words so far. */
function commandOf(words: string[], commands: CommandSpec[]): { spec: CommandSpec | null; rest: string[] } {
  for (let start = 0; start < words.length; start++) {
    const named = commands.filter(({ name }) => name === words.slice(start, start + name.split(' ').length).join(' '))
    const spec = named.toSorted((a, b) => b.name.length - a.name.length)[0]
    if (spec !== undefined) return { spec, rest: words.slice(start + spec.name.split(' ').length) }
  }
  return { spec: null, rest: words.filter((word) => !word.startsWith('-')) }
}

function verbs(words: string[], commands: CommandSpec[]): Candidates {
  const prefix = words.at(-1)
  const known = commands.filter(({ hidden }) => !hidden).map(({ name, about }) => ({ parts: name.split(' '), about }))
  const inGroup = known.filter(({ parts }) => parts.length === 2 && parts[0] === prefix)
  if (inGroup.length > 0) return { words: inGroup.map(({ parts, about }) => ({ word: parts[1] ?? '', about })) }
  const first = new Map(known.map(({ parts, about }) => [parts[0] ?? '', parts.length === 1 ? about : `commands on ${parts[0]}`]))
  return { words: [...first].map(([word, about]) => ({ word, about })) }
}

function positionals(rest: string[], options: OptionSpec[]): number {
  const isValue = (index: number): boolean =>
    options.some((option) => takesValue(option) && namesOf(option).includes(rest[index - 1] ?? ''))
  return rest.filter((word, index) => !word.startsWith('-') && !isValue(index)).length
}

function valuesOf({ choices, complete }: Pick<ArgumentSpec, 'choices' | 'complete'>): Candidates {
  if (choices !== undefined) return { words: choices.map((word) => ({ word, about: '' })) }
  if (typeof complete === 'string') return { kind: complete }
  return complete === undefined ? NOTHING : { words: complete.map((word) => ({ word, about: '' })) }
}

function namesOf({ flags }: Pick<OptionSpec, 'flags'>): string[] {
  return flags.split(/[ ,]+/).filter((word) => word.startsWith('-'))
}

function takesValue({ flags }: Pick<OptionSpec, 'flags'>): boolean {
  return flags.includes('<')
}
