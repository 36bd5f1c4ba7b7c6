const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const
const SECONDS = { d: 86_400, h: 3600, m: 60, s: 1 } as const

/** Bytes in powers of 1000, as hubs and disks count them: `92.4 MB`. */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), BYTE_UNITS.length - 1)
  const value = count / 1000 ** power
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${BYTE_UNITS[power]}`
}

/** `500GB`, `1.5 TB`, `64MiB` or a bare number in bytes; null for anything else. Powers of 1000, of 1024 with an `i`. */
export function parseBytes(text: string): number | null {
  const [, value, letter = '', binary] = /^(\d+(?:\.\d+)?) ?(?:([kKMGTP])?(i)?B)?$/.exec(text) ?? []
  if (value === undefined || (binary !== undefined && letter === '')) return null
  const power = 'KMGTP'.indexOf(letter.toUpperCase()) + 1
  return Math.floor(Number(value) * (binary === undefined ? 1000 : 1024) ** (letter === '' ? 0 : power))
}

/** Milliseconds for people: `80 ms`, `3.2 s`, `2m 5s`, `3h 12m`, `4d 2h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  return age(Math.round(ms / 1000))
}

/** Whole seconds for people: `12s`, `2m 5s`, `3h 12m`, `4d 2h`. */
export function age(seconds: number): string {
  if (seconds < SECONDS.m) return `${seconds}s`
  if (seconds < SECONDS.h) return pair(seconds, 'm', 's')
  return seconds < SECONDS.d ? pair(seconds, 'h', 'm') : pair(seconds, 'd', 'h')
}

function pair(seconds: number, large: keyof typeof SECONDS, small: keyof typeof SECONDS): string {
  const rest = Math.floor((seconds % SECONDS[large]) / SECONDS[small])
  return `${Math.floor(seconds / SECONDS[large])}${large}${rest > 0 ? ` ${rest}${small}` : ''}`
}
