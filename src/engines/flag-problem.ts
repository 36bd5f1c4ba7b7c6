import type { Flag, FlagCatalogue } from '../contracts/flag-catalogue.js'
import type { FlagValue } from './flags.js'
import { nearest } from './nearest.js'
import { FORMER_FLAGS } from './former-flags.js'
import { valueProblem } from './flag-value.js'
import { ownValue } from './own-value.js'

/** What is wrong with a field, in words that follow its name. */
export type FieldProblem = { field: string; rule: string }

/**
 * The first flag of `args` that this version of the backend does not take, or takes with another value. Null: its parser accepts all.
 * Deprecated flags are refused as well: a recipe that names a version is to outlive the next one.
 */
export function flagProblem(catalogue: FlagCatalogue, args: Readonly<Record<string, FlagValue>>): FieldProblem | null {
  for (const [name, value] of Object.entries(args)) {
    const rule = oneProblem(catalogue, name, value)
    if (rule !== null) return { field: `args.${name}`, rule }
  }
  return null
}

/** The flag that a long name stands for, be it an alias, its negation or a key of its structure. */
export function findFlag(catalogue: FlagCatalogue, name: string): { flag: Flag; key: string | null; negated: boolean } | null {
  const [stem = '', ...rest] = name.split('.')
  const key = rest.length === 0 ? null : rest.join('.')
  for (const flag of catalogue.flags) {
    if (flag.name === stem || flag.aliases.includes(stem)) return { flag, key, negated: false }
    if (flag.kind === 'pair' && stem === `no-${flag.name}`) return { flag, key, negated: true }
  }
  return null
}

function oneProblem(catalogue: FlagCatalogue, name: string, value: FlagValue): string | null {
  const found = findFlag(catalogue, name)
  if (found === null) return unknownFlag(catalogue, name)
  const { flag, key, negated } = found
  if (flag.deprecated !== null) return `is deprecated in ${catalogue.backend} ${catalogue.version}: ${flag.deprecated}`
  if (key !== null) return keyProblem(flag, key)
  if (flag.kind === 'value') return valueProblem(flag, value, catalogue.values[flag.name] ?? null)
  if (typeof value !== 'boolean') return 'is a switch: true or false'
  if (value || flag.kind === 'switch') return null
  const opposite = negated ? flag.name : `no-${flag.name}`
  return `false would leave it out, which is the default of the backend: write \`${opposite}: true\``
}

function unknownFlag(catalogue: FlagCatalogue, name: string): string {
  const [stem = '', ...rest] = name.split('.')
  const unknown = `is no flag of ${catalogue.backend} ${catalogue.version}`
  const former = ownValue(FORMER_FLAGS[catalogue.backend] ?? {}, stem.replaceAll('_', '-'))
  if (former !== undefined) return `${unknown}: ${former}`
  const byShort = catalogue.flags.find(({ short }) => short.includes(stem))?.name
  const names = catalogue.flags.flatMap((flag) => [flag.name, ...flag.aliases, ...(flag.kind === 'pair' ? [`no-${flag.name}`] : [])])
  const meant = byShort ?? nearestOfSameSense(stem, names) ?? onlyOneThatBegins(stem, names)
  return meant === null ? unknown : `${unknown}: the nearest is \`${[meant, ...rest].join('.')}\``
}

/** What turns a thing off is never meant by what turns it on: `disable-x` is near `enable-x` by its letters alone. */
function nearestOfSameSense(stem: string, names: readonly string[]): string | null {
  const off = (name: string) => /^(?:disable|no)[-_]/.test(name)
  const negation = stem.replace(/^disable[-_]/, 'no-enable-')
  const fitting = names.filter((name) => off(name) === off(stem))
  return nearest(negation, fitting) ?? nearest(stem, fitting)
}

/** SGLang's parser takes any beginning that is unique, until a later version adds another flag that begins so. */
function onlyOneThatBegins(stem: string, names: readonly string[]): string | null {
  const fitting = names.filter((name) => name.startsWith(stem))
  return fitting.length === 1 ? (fitting[0] ?? null) : null
}

function keyProblem(flag: Flag, key: string): string | null {
  if (flag.keys === null) return `is no key: ${flag.name} takes no structure`
  if (flag.keys.includes(key) || flag.keys.some((path) => path.endsWith('*') && key.startsWith(path.slice(0, -1)))) return null
  const meant = nearest(key, flag.keys)
  return `is no key of ${flag.name}${meant === null ? '' : `: the nearest is \`${flag.name}.${meant}\``}`
}
