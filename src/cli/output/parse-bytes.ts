import { InvalidArgumentError } from 'commander'

const UNITS: Record<string, number> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** `10GB`, `1.5 TiB` or a number of bytes. */
export function parseBytes(text: string): number {
  const [, value = '', unit = ''] = /^(\d{1,15}(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? []
  const factor = UNITS[unit.toLowerCase()]
  if (value === '' || factor === undefined) throw new InvalidArgumentError('It must be a size: 500GB, 1.5TB, 64GiB.')
  return Math.round(Number(value) * factor)
}
