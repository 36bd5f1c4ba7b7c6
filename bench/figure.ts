/**
 * One measured figure. `peer` is the other side or the limit, measured in the same run; `bar` is what must hold, null where none is set.
 * `value` and `peer` are in `unit`.
 */
export type Figure = {
  name: string
  value: number
  unit: string
  peer: { name: string; value: number } | null
  bar: string | null
  holds: boolean | null
}

/** A benchmark: one file, some figures. */
export type Bench = { name: string; about: string; run: (note: (line: string) => void) => Promise<Figure[]> }

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (low + high) / 2
}

export const round = (value: number): number => Math.round(value * 1_000) / 1_000

export function figureLine({ name, value, unit, peer, bar, holds }: Figure): string {
  const ratio = peer === null ? '' : `; ${peer.name} ${peer.value} ${unit}, ratio ${round(value / peer.value)}`
  const verdict = bar === null ? '' : `; bar ${bar}: ${holds ? 'holds' : 'MISSED'}`
  return `${name}: ${value} ${unit}${ratio}${verdict}`
}
