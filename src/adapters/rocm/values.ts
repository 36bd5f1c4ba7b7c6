const MiB = 2 ** 20
const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 2 ** 10,
  kib: 2 ** 10,
  mb: MiB,
  mib: MiB,
  gb: 2 ** 30,
  gib: 2 ** 30,
  tb: 2 ** 40,
  tib: 2 ** 40,
}
/** More than any GPU has: a number beyond is no size. */
const MOST_BYTES = 2 ** 45
/** More megabytes than any GPU has: a bare number beyond counts bytes. */
const MOST_MEGABYTES = 2 ** 25

/** An object of JSON whose keys are found in any case and with any word separator: `Card Series` is `card_series`. */
export type Fields = ReadonlyMap<string, unknown>

const NO_FIELDS: Fields = new Map()

/** Null for what is no object. Of keys that differ in case only, the first counts. */
export function fieldsOf(value: unknown): Fields | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const fields = new Map<string, unknown>()
  for (const [key, entry] of Object.entries(value)) {
    const plain = plainKey(key)
    if (!fields.has(plain)) fields.set(plain, entry)
  }
  return fields
}

export function plainKey(key: string): string {
  return key.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

/** The object under the first of these keys that holds one; empty when none does. */
export function section(fields: Fields, ...keys: string[]): Fields {
  return firstOf(fields, keys, fieldsOf) ?? NO_FIELDS
}

/** The first of these keys that tells something; `N/A` and empty tell nothing. */
export function textOf(fields: Fields, ...keys: string[]): string | null {
  return firstOf(fields, keys, (value) => asText(value))
}

export function wholeOf(fields: Fields, ...keys: string[]): number | null {
  return firstOf(fields, keys, asWhole)
}

/** A measured value without its unit, within `[least, most]`; what is outside is no such value. */
export function measureOf(fields: Fields, [least, most]: readonly [number, number], ...keys: string[]): number | null {
  return firstOf(fields, keys, (value) => {
    const number = Number(/^-?\d+(\.\d+)?(?=\s*[a-z°%]*$)/i.exec(asText(value) ?? '')?.[0] ?? Number.NaN)
    return number >= least && number <= most ? number : null
  })
}

/** Memory in bytes. Bare numbers count `unit`; AMD's tools mean powers of 1024 by kB, MB and GB. */
export function bytesOf(fields: Fields, unit: 'b' | 'mb', ...keys: string[]): number | null {
  return firstOf(fields, keys, (value) => asBytes(value, unit))
}

/** A PCI device id: `0x74a1`, `74A1`, 29857 or `29857(0x74a1)`. */
export function deviceIdOf(fields: Fields, ...keys: string[]): number | null {
  return firstOf(fields, keys, asDeviceId)
}

function firstOf<Value>(fields: Fields, keys: string[], read: (value: unknown) => Value | null): Value | null {
  for (const key of keys) {
    const value = read(fields.get(key))
    if (value !== null) return value
  }
  return null
}

/** A scalar, or the `value` of an object with a unit. */
function scalarOf(value: unknown): unknown {
  return fieldsOf(value)?.get('value') ?? value
}

function asText(value: unknown): string | null {
  const scalar = scalarOf(value)
  if (typeof scalar === 'number') return Number.isFinite(scalar) ? String(scalar) : null
  if (typeof scalar !== 'string') return null
  const text = scalar.trim()
  return text === '' || text.length > 200 || /^(n\/?a\b.*|none|null|unknown|not supported.*|-)$/i.test(text) ? null : text
}

function asWhole(value: unknown): number | null {
  const text = asText(value) ?? ''
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(number) ? number : null
}

function asBytes(value: unknown, bare: 'b' | 'mb'): number | null {
  const unitOf = fieldsOf(value)?.get('unit')
  const [, digits, written] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(asText(value) ?? '') ?? []
  if (digits === undefined) return null
  const told = (written || (typeof unitOf === 'string' ? unitOf.trim() : '')).toLowerCase()
  const unit = told || (bare === 'mb' && Number(digits) > MOST_MEGABYTES ? 'b' : bare)
  const bytes = Math.round(Number(digits) * (Object.hasOwn(UNITS, unit) ? (UNITS[unit] ?? Number.NaN) : Number.NaN))
  return bytes >= 0 && bytes <= MOST_BYTES ? bytes : null
}

function asDeviceId(value: unknown): number | null {
  const scalar = scalarOf(value)
  if (typeof scalar === 'number') return Number.isInteger(scalar) && scalar > 0 && scalar <= 0xffff ? scalar : null
  const text = asText(scalar) ?? ''
  const [, hex] = /^(?:\d+\s*\()?0x([0-9a-f]{1,4})\)?$/i.exec(text) ?? /^([0-9a-f]{4})$/i.exec(text) ?? []
  if (hex !== undefined) return Number.parseInt(hex, 16) || null
  return /^\d{5}$/.test(text) && Number(text) <= 0xffff ? Number(text) : null
}
