import type { Flag } from '../contracts/flag-catalogue.js'
import type { FlagValue } from './flags.js'
import { nearest } from './nearest.js'

/** Texts that a value of each type may be. Sizes: `k` means 1,000 to every backend, other letters differ between them. */
const TEXTS: Record<Exclude<Flag['type'], 'text' | 'json' | 'object'>, { pattern: RegExp; rule: string }> = {
  int: { pattern: /^[+-]?\d+$/, rule: 'must be a whole number' },
  float: { pattern: /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i, rule: 'must be a number' },
  size: { pattern: /^\d+$|^\d+(?:\.\d+)?k$/, rule: 'must be a whole number, or one with `k`; write a larger unit out' },
}

/** What is wrong with the value of a flag that takes one. `later`: values that its backend takes after parsing. */
export function valueProblem(flag: Flag, value: FlagValue, later: readonly string[] | null): string | null {
  if (typeof value === 'boolean') return 'needs a value'
  const text = String(value)
  if (flag.optional && (text === 'None' || text === '')) return null
  return typeProblem(flag, text) ?? choiceProblem(flag.choices, text) ?? choiceProblem(later, text)
}

function typeProblem({ type, keys }: Flag, text: string): string | null {
  if (type === 'text') return null
  if (type === 'json') return parse(text) === undefined ? 'must be JSON' : null
  if (type === 'object') return objectProblem(keys, text)
  return TEXTS[type].pattern.test(text) ? null : TEXTS[type].rule
}

function choiceProblem(choices: readonly string[] | null, text: string): string | null {
  if (choices === null || choices.includes(text)) return null
  const meant = nearest(text, choices)
  if (meant !== null) return `does not know "${text}": the nearest is "${meant}"`
  return `does not know "${text}"; it takes ${choices.join(', ')}`
}

function objectProblem(keys: readonly string[] | null, text: string): string | null {
  const parsed = parse(text)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'must be a JSON object'
  const wrong = keys === null ? undefined : Object.keys(parsed).find((key) => !keys.includes(key))
  if (wrong === undefined) return null
  const meant = nearest(wrong, keys ?? [])
  return `has no key "${wrong}"${meant === null ? '' : `: the nearest is "${meant}"`}`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no JSON, which is what the caller asks
  }
}
