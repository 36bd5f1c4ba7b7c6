/** Order of names that is the same everywhere: by code units, not by a locale. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** `1 GPU`, `8 GPUs`. */
export const gpus = (count: number): string => `${count} GPU${count === 1 ? '' : 's'}`

/** Three figures are enough for a rate: `1230`, `41.3`. */
export function rate(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1)
}

/** `MI300X, MI325X or MI355X`. */
export function oneOf(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? 'none') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}
