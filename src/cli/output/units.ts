import { age } from '../../domain/units.js'

export { bytes, duration, parseBytes } from '../../domain/units.js'

const SECONDS = { d: 86_400, h: 3600, m: 60, s: 1 } as const

/** `90`, `90s`, `10m`, `1h30m` in milliseconds; null for anything else. A bare number is seconds. */
export function parseDuration(text: string): number | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  if (!/^(\d+(\.\d+)?(ms|[dhms]))+$/.test(text)) return null
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)
  return [...parts].reduce(
    (sum, [, value, unit]) => sum + Number(value) * (unit === 'ms' ? 1 : SECONDS[unit as keyof typeof SECONDS] * 1000),
    0,
  )
}

export type TimeFormat = 'relative' | 'iso'

/** A moment as `--time` asks for it: `3m ago`, or the ISO 8601 text itself. */
export function moment(iso: string | null, format: TimeFormat, now: number): string {
  if (iso === null) return '-'
  if (format === 'iso') return iso
  const seconds = Math.floor((now - Date.parse(iso)) / 1000)
  return Number.isNaN(seconds) ? iso : `${age(Math.max(0, seconds))} ago`
}
