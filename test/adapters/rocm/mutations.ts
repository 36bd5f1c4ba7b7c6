import type { Random } from '../../support/random.js'

/** What may happen to one file of a capture. `drops`: it may take the last GPU away without a trace in that file. */
export type Mutation = { name: string; drops?: boolean; apply(text: string, random: Random): string }

const NOISE = [
  'WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status',
  '[WARN] amdgpu: retrying',
  '{not json}',
  '$ /opt/rocm/bin/amd-smi static --json',
  '\u001b[31mERROR:root:timeout\u001b[0m',
  '\ufffd\ufffd \u0000\u0007',
  '[2026-11-24 03:00:00] probe',
]
const WRONG = [
  null,
  true,
  'N/A',
  '',
  'x',
  -1,
  1e300,
  0.5,
  99,
  '0x',
  [],
  {},
  [null],
  { value: 'N/A', unit: 'W' },
  '9'.repeat(400),
  '__proto__',
  JSON.parse('{"__proto__": {"gpu": 7}}'),
]

export const MUTATIONS: Mutation[] = [
  { name: 'its end is cut', apply: (text, random) => text.slice(0, random.below(text.length)) },
  { name: 'its beginning is cut', apply: (text, random) => text.slice(random.below(text.length)) },
  {
    name: 'a piece is cut out',
    drops: true,
    apply(text, random) {
      const start = random.below(text.length)
      return text.slice(0, start) + text.slice(start + 1 + random.below(Math.min(400, text.length - start)))
    },
  },
  { name: 'noise before', apply: (text, random) => `${random.pick(NOISE)}\n${text}` },
  { name: 'noise behind', apply: (text, random) => `${text}${random.pick(NOISE)}\n` },
  {
    name: 'a line of noise inside',
    apply(text, random) {
      const lines = text.split('\n')
      return lines.toSpliced(random.below(lines.length), 0, random.pick(NOISE)).join('\n')
    },
  },
  {
    name: 'keys in another case',
    apply: (text, random) =>
      withKeys(
        text,
        random.pick([(key) => key.toUpperCase(), (key) => key.toLowerCase(), (key) => key.replaceAll(/[ _]/g, '-'), capitals]),
      ),
  },
  { name: 'reordered', apply: (text, random) => withJson(text, (value) => reorder(value, random)) ?? reorderLines(text, random) },
  {
    name: 'a key is missing',
    apply: (text, random) => changeLeaf(text, random, (parent, key) => void Reflect.deleteProperty(parent, key)),
  },
  {
    name: 'a wrong type',
    apply: (text, random) =>
      changeLeaf(text, random, (parent, key) => void Object.defineProperty(parent, key, { value: random.pick(WRONG), enumerable: true })),
  },
  { name: 'a line is missing', apply: dropLine },
  { name: 'no unit objects', apply: (text) => withJson(text, plain) ?? text },
  { name: 'line ends of another system', apply: (text) => text.replaceAll('\n', '\r\n') },
  {
    name: 'a GPU is missing from a list',
    drops: true,
    apply: (text, random) =>
      withJson(text, (value) => (Array.isArray(value) && value.length > 0 ? value.toSpliced(random.below(value.length), 1) : value)) ??
      text,
  },
]

/** Null: it is no JSON. */
function withJson(text: string, change: (value: unknown) => unknown): string | null {
  try {
    return `${JSON.stringify(change(JSON.parse(text)), null, 2)}\n`
  } catch {
    return null
  }
}

/** `{"value": 10, "unit": "W"}` as `"10 W"`. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('value' in value && 'unit' in value) return `${String(value.value)} ${String(value.unit)}`
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

function capitals(key: string): string {
  return key.replaceAll(/[a-z]+/gi, (word) => word.slice(0, 1).toUpperCase() + word.slice(1))
}

function withKeys(text: string, change: (key: string) => string): string {
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rename)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [change(key), rename(inner)]))
  }
  return (
    withJson(text, rename) ??
    text.replaceAll(/^( *)([\w .]+)(?=[:])/gm, (_, indent: string, key: string) => indent + change(key).replaceAll('-', ' '))
  )
}

function reorder(value: unknown, random: Random): unknown {
  if (Array.isArray(value)) return random.shuffle(value).map((inner) => reorder(inner, random))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(random.shuffle(Object.entries(value)).map(([key, inner]) => [key, reorder(inner, random)]))
}

/** Lines of a file of `name number`; a listing with sections keeps their order. */
function reorderLines(text: string, random: Random): string {
  if (!/^(\w+ \d+\n)+$/.test(text)) return text
  return `${random.shuffle(text.trimEnd().split('\n')).join('\n')}\n`
}

type Parent = Record<string, unknown>

function changeLeaf(text: string, random: Random, change: (parent: Parent, key: string) => void): string {
  const changed = withJson(text, (value) => {
    const places: [Parent, string][] = []
    const visit = (inner: unknown): void => {
      if (typeof inner !== 'object' || inner === null) return
      for (const key of Object.keys(inner)) {
        // A whole card that is gone leaves no trace; see `a GPU is missing from a list`.
        if (!Array.isArray(inner) && !/^card\d+$/.test(key)) places.push([inner as Parent, key])
        visit((inner as Parent)[key])
      }
    }
    visit(value)
    if (places.length > 0) change(...random.pick(places))
    return value
  })
  return changed ?? dropLine(text, random)
}

function dropLine(text: string, random: Random): string {
  const lines = text.split('\n')
  return lines.toSpliced(random.below(lines.length), 1).join('\n')
}
