/**
 * A PCI address in lower case, `0000:05:00.0`; without the domain where the source does not tell it, `05:00.0`.
 * The function digit is the partition of a partitioned card.
 */
export function pciAddress(text: string | null): string | null {
  const match = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})[.:]([0-7])$/i.exec(text?.trim() ?? '')
  if (match === null) return null
  const [, domain, bus, device, digit] = match
  const tail = `${bus}:${device}.${digit}`.toLowerCase()
  return domain === undefined ? tail : `${domain.toLowerCase().replace(/^0+(?=.{4})/, '')}:${tail}`
}

/** From `location_id` of KFD, which rocminfo prints as BDFID: bus, five bits of device, three of function. */
export function addressOfLocation(location: number, domain: number | null): string | null {
  if (!Number.isInteger(location) || location < 0 || location > 0xffff || (location === 0 && !domain)) return null
  const tail = `${hex(location >> 8, 2)}:${hex((location >> 3) & 0x1f, 2)}.${location & 7}`
  return domain === null ? tail : `${hex(domain, 4)}:${tail}`
}

/** The card's address: all its partitions share it. */
export function withoutFunction(address: string): string {
  return address.slice(0, -2)
}

export function functionOf(address: string): number {
  return Number(address.at(-1))
}

/** Whether both are one place; a source that leaves out the domain is taken at its word for the rest. */
export function sameAddress(one: string, other: string): boolean {
  return one === other || (one.length !== other.length && (one.endsWith(`:${other}`) || other.endsWith(`:${one}`)))
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
