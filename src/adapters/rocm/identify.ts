import type { Card } from '../../domain/hardware.js'
import type { Sighting } from './sighting.js'

/** The row of the hardware table that a device is, or why it is none. `note`: the row is right, and something about it is worth saying. */
export type Identity = { card: Card; note: Finding | null } | { card: null; note: Finding }
export type Finding = { code: string; text: string }

/** Ids that several cards have, as pci.ids lists them: memory or the market name must tell which it is. */
const SHARED_IDS: Readonly<Record<number, string>> = { 0x744c: 'RX 7900 XT, XTX and GRE' }
/** Ids of one row of the table that also another product of the same figures has. */
const TWINS: Readonly<Record<number, string>> = { 0x740c: 'MI250 and MI250X' }
/** Memory of the processor as well: what the driver gives the GPU depends on the system. */
const UNIFIED: ReadonlySet<string> = new Set(['MI300A'])

/**
 * The model of a device: by PCI id, and by market name where the id is not in the table. Never by the number of compute units, which is
 * per partition. `physicalBytes`: what is printed for the whole card, where it is known to be that.
 */
export function identify(device: Pick<Sighting, 'deviceId' | 'names' | 'arch'>, printed: number[], cards: readonly Card[]): Identity {
  const { deviceId, names, arch } = device
  const byName = namedCard(names, cards)
  const byId = deviceId === null ? [] : cards.filter(({ deviceIds }) => deviceIds.includes(deviceId))
  const chosen = byId.length === 0 ? byName : oneOf(byId, device, printed, byName)
  if (chosen === null) return { card: null, note: unknown(device, byId) }
  if (arch !== null && arch !== chosen.arch)
    return {
      card: null,
      note: finding(
        'model_disagrees',
        `${describe(device)} is ${chosen.name} by its ${byId.length > 0 ? 'id' : 'name'}, and that is ${chosen.arch}`,
      ),
    }
  if (byName !== null && byName !== chosen)
    return { card: chosen, note: finding('model_disagrees', `is ${chosen.name} by its id and ${byName.name} by its name; the id counts`) }
  const twins = deviceId === null ? undefined : TWINS[deviceId]
  return { card: chosen, note: twins === undefined ? null : finding('shared_device_id', `device id ${hex(deviceId)} is that of ${twins}`) }
}

/** Whether this many bytes may be the memory of the whole card: a part of it is the driver's own, or holds the check bits. */
export function isWholeMemory(bytes: number, { name, vramBytes }: Card): boolean {
  return bytes <= vramBytes * 1.01 && bytes >= vramBytes * (UNIFIED.has(name) ? 0.25 : 0.9)
}

/** Of several cards with one id, and of a card whose id others share, the one that memory or name shows. */
function oneOf(
  byId: Card[],
  { deviceId, names }: Pick<Sighting, 'deviceId' | 'names'>,
  printed: number[],
  byName: Card | null,
): Card | null {
  const [only] = byId
  if (byId.length === 1 && only !== undefined && (deviceId === null || !Object.hasOwn(SHARED_IDS, deviceId))) return only
  const fitting = byId.filter((card) => printed.length > 0 && printed.every((bytes) => isWholeMemory(bytes, card)))
  if (printed.length > 0) return fitting.length === 1 && !namesAnother(names, fitting) ? (fitting[0] ?? null) : null
  return byName !== null && byId.includes(byName) ? byName : null
}

/** A name that tells a product, and none of these: `Radeon RX 7900 XT` is no XTX whatever memory it shows. */
function namesAnother(names: string[], cards: Card[]): boolean {
  const named = names.map(productWords).filter((words) => words.length > 0)
  return named.length > 0 && named.every((words) => cards.every((card) => !includesWords(words, wordsOf(card.name)) && !isAmbiguous(words)))
}

function unknown(device: Pick<Sighting, 'deviceId' | 'names' | 'arch'>, byId: Card[]): Finding {
  const { deviceId } = device
  const shared = deviceId === null ? undefined : SHARED_IDS[deviceId]
  if (deviceId === null && device.names.length === 0) return finding('model_unknown', 'no source tells its device id or its name')
  if (byId.length > 0 && shared !== undefined)
    return finding(
      'model_unknown',
      `${describe(device)}: that id is of ${shared}, and neither memory nor name shows one of the hardware table`,
    )
  return finding('model_unknown', `${describe(device)} is not in the hardware table`)
}

function describe({ deviceId, names, arch }: Pick<Sighting, 'deviceId' | 'names' | 'arch'>): string {
  const parts = [deviceId === null ? null : `device id ${hex(deviceId)}`, names[0] === undefined ? null : `"${names[0]}"`, arch]
  return parts.filter((part) => part !== null).join(', ')
}

/** The card that the names agree on; a name that lists several products tells none. */
function namedCard(names: string[], cards: readonly Card[]): Card | null {
  const found = new Set<Card>()
  for (const name of names) {
    const words = productWords(name)
    if (isAmbiguous(words)) continue
    const matching = cards.filter((card) => includesWords(words, wordsOf(card.name)))
    if (matching.length === 1 && matching[0] !== undefined) found.add(matching[0])
  }
  return found.size === 1 ? ([...found][0] ?? null) : null
}

const PRODUCT = /^(MI\d{2,3}[A-Z]*|[A-Z]?\d{4}[A-Z]*)$/

/** The words of a name that tells a product; empty for a board name or an id. */
function productWords(name: string): string[] {
  const words = wordsOf(name)
  return words.some((word) => PRODUCT.test(word)) && !/^0x/i.test(name) ? words : []
}

function isAmbiguous(words: string[]): boolean {
  return new Set(words.filter((word) => PRODUCT.test(word))).size !== 1 || words.filter((word) => PRODUCT.test(word)).length > 1
}

function wordsOf(name: string): string[] {
  return name
    .toUpperCase()
    .split(/[^A-Z0-9]+/)
    .filter((word) => word !== '')
}

function includesWords(words: string[], wanted: string[]): boolean {
  return words.some((_, start) => wanted.every((word, offset) => words[start + offset] === word))
}

function hex(id: number | null): string {
  return `0x${(id ?? 0).toString(16).padStart(4, '0')}`
}

function finding(code: string, text: string): Finding {
  return { code, text }
}
