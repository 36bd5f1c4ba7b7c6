/** An object of a config.json: nothing in it has been checked. */
export type Fields = Readonly<Record<string, unknown>>

/** Ends the reading of a config: the message names the field. Never leaves `readModelConfig`. */
export class UnknownField extends Error {}

/** Beyond any model there is; products of three such widths are still exact enough to compare. */
const LARGEST = 2 ** 30

/** The value as an object. */
export function asFields(value: unknown, name: string): Fields {
  if (!isFields(value)) throw new UnknownField(`${name} is ${shown(value)}, not an object`)
  return value
}

/** The object in this field; null when the field is absent or null. */
export function optionalFields(from: Fields, name: string): Fields | null {
  const value = present(from, name)
  return value === null ? null : asFields(value, name)
}

/** The first of these fields that is there, a whole number of at least `least`; null when none is. */
export function optionalCount(from: Fields, names: readonly string[], least = 1): number | null {
  for (const name of names) {
    const value = present(from, name)
    if (value === null) continue
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > LARGEST) {
      throw new UnknownField(`${name} is ${shown(value)}, not a whole number of ${least} to ${LARGEST}`)
    }
    return value
  }
  return null
}

/** As `optionalCount`, for a field that must be there: `vocab_size is missing`. */
export function count(from: Fields, names: readonly string[]): number {
  const value = optionalCount(from, names)
  if (value === null) throw new UnknownField(`${names[0] ?? ''} is missing`)
  return value
}

/** A positive finite number that need not be whole; null when absent. */
export function optionalFactor(from: Fields, name: string, label = name): number | null {
  const value = present(from, name)
  if (value === null) return null
  if (typeof value !== 'number' || !(value > 0) || value > LARGEST)
    throw new UnknownField(`${label} is ${shown(value)}, not a positive number`)
  return value
}

/** A switch; null when absent. */
export function optionalFlag(from: Fields, name: string): boolean | null {
  const value = present(from, name)
  if (value === null || typeof value === 'boolean') return value
  throw new UnknownField(`${name} is ${shown(value)}, not true or false`)
}

/** A word; null when absent. */
export function optionalWord(from: Fields, name: string): string | null {
  const value = present(from, name)
  if (value === null || typeof value === 'string') return value
  throw new UnknownField(`${name} is ${shown(value)}, not a word`)
}

/** A list; null when absent. */
export function optionalList(from: Fields, name: string): readonly unknown[] | null {
  const value = present(from, name)
  if (value === null) return null
  if (!Array.isArray(value)) throw new UnknownField(`${name} is ${shown(value)}, not a list`)
  return value
}

/** The field's own value; null when absent, null or inherited. */
export function present(from: Fields, name: string): unknown {
  return Object.hasOwn(from, name) ? (from[name] ?? null) : null
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value in a message: short, and whatever it is. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'missing'
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object'
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`
}
