import { fieldsOf, textOf, wholeOf, type Fields } from './values.js'

/** What a tool prints of one GPU, and the number that it prints with it. */
export type Entry = { number: number | null; fields: Fields }

/** What the JSON of a tool holds: its GPUs, or the error that it printed instead. `damaged`: places of GPUs that hold something else. */
export type Entries = { entries: Entry[]; damaged: number } | { error: string }

const NUMBER_KEYS = ['gpu', 'card', 'gpuid', 'device', 'gpuindex']
/** What only a GPU has: an entry without its number needs one of them. */
const GPU_KEYS = [
  'bdf',
  'uuid',
  'asic',
  'bus',
  'vram',
  'partition',
  'memusage',
  'deviceid',
  'pcibus',
  'cardseries',
  'vramtotalmemoryb',
  'processlist',
]
const KEYED = /^(?:gpu|card|device)?(\d{1,4})$/

/**
 * One entry a GPU, from any of the envelopes in use: a bare list, `{"gpu_data": [...]}`, or a map with keys `gpu_0` or `card0`.
 * Entries of CPUs are left out.
 */
export function entriesOf(value: unknown): Entries {
  if (Array.isArray(value)) return fromList(value)
  const fields = fieldsOf(value)
  if (fields === null) return { entries: [], damaged: 0 }
  if (fields.has('gpudata')) {
    const inner = fields.get('gpudata')
    return typeof inner === 'object' && inner !== null ? entriesOf(inner) : { entries: [], damaged: 1 }
  }
  const keyed = [...fields].flatMap(([key, entry]) => {
    const [, digits] = KEYED.exec(key) ?? []
    return digits === undefined ? [] : [{ number: Number(digits), fields: fieldsOf(entry) }]
  })
  // `{"gpu": 0, ...}` alone is an entry, though its keys may hold digits.
  if (keyed.length === 0 || numberOf(fields) !== null) return fromList([value])
  const whole = keyed.flatMap(({ number, fields: inner }) => (inner === null ? [] : [{ number, fields: inner }]))
  return { entries: whole, damaged: keyed.length - whole.length }
}

function fromList(list: unknown[]): Entries {
  const places = list.flat()
  const all = places.flatMap((place) => fieldsOf(place) ?? [])
  const error = all.find((fields) => fields.has('error'))
  if (error !== undefined) return { error: `${textOf(error, 'error') ?? 'an error'} (code ${textOf(error, 'code') ?? 'not told'})` }
  const gpus = all.filter((fields) => numberOf(fields) !== null || GPU_KEYS.some((key) => fields.has(key)))
  const others = all.filter((fields) => isCpu(fields))
  return {
    entries: gpus.map((fields) => ({ number: numberOf(fields), fields })),
    damaged: places.length - gpus.length - others.length,
  }
}

function isCpu(fields: Fields): boolean {
  return numberOf(fields) === null && !GPU_KEYS.some((key) => fields.has(key)) && (fields.has('cpu') || fields.has('cpudata'))
}

function numberOf(fields: Fields): number | null {
  const number = wholeOf(fields, ...NUMBER_KEYS)
  if (number !== null) return number
  const [, digits] = KEYED.exec((textOf(fields, ...NUMBER_KEYS) ?? '').toLowerCase().replace(/[ _]/, '')) ?? []
  return digits === undefined ? null : Number(digits)
}
