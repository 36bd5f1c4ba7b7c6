import { plainKey } from './values.js'

const COMPUTE = /^(SPX|DPX|TPX|QPX|CPX)$/
const MEMORY = /^NPS[1248]$/
const DEEPEST = 5

/** Partition modes that an entry tells. More than one of a kind is none: the source contradicts itself. */
export type Modes = { compute: string | null; memory: string | null; contradiction: boolean }

/**
 * The partition modes in force, under whatever key this version of the tool keeps them (`compute_partition`, `accelerator_partition`,
 * `Memory Partition`): the words are the same everywhere. Lists and what is only possible do not count.
 */
export function modesOf(entry: unknown): Modes {
  const words = [...wordsUnder(entry, '', 0)]
  const compute = new Set(words.filter((word) => COMPUTE.test(word)))
  const memory = new Set(words.filter((word) => MEMORY.test(word)))
  const only = (found: Set<string>): string | null => (found.size === 1 ? ([...found][0] ?? null) : null)
  return { compute: only(compute), memory: only(memory), contradiction: compute.size > 1 || memory.size > 1 }
}

function* wordsUnder(value: unknown, path: string, depth: number): Generator<string> {
  if (typeof value === 'string') {
    if (value.length < 40 && /partition|accelerator|xcp/.test(path)) yield* value.toUpperCase().split(/[\s,/]+/)
    return
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > DEEPEST) return
  for (const [key, inner] of value instanceof Map ? value : Object.entries(value)) {
    const plain = plainKey(String(key))
    if (!/cap|support|possible|available|profile/.test(plain)) yield* wordsUnder(inner, `${path}.${plain}`, depth + 1)
  }
}
