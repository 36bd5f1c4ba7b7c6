import { bytes } from '../units.js'

/** Another node, by the address that it serves its files on. */
export type Peer = { nodeId: string; url: string }

/** Fetched bytes by the kind of place they came from. */
export type Sources = Record<string, number>

/** Peers and mirrors stand inside the cluster; all else is outside. */
const INSIDE: readonly string[] = ['peer', 'mirror']

export function outsideBytes(sources: Sources): number {
  return Object.entries(sources).reduce((sum, [kind, count]) => (INSIDE.includes(kind) ? sum : sum + count), 0)
}

export function addSources(a: Sources, b: Sources): Sources {
  const kinds = [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted()
  return Object.fromEntries(kinds.map((kind) => [kind, (a[kind] ?? 0) + (b[kind] ?? 0)]))
}

/** What a person wants to know of weights that were brought: `miss: 92.4 MB, 80.0 MB fetched (hub 20.0 MB, peer 60.0 MB)`. */
export function trafficText({ cache, bytes: all, fetchedBytes, sources }: Brought): string {
  if (fetchedBytes === 0) return `${cache}: ${bytes(all)}`
  const kinds = Object.keys(sources).toSorted()
  const from = kinds.map((kind) => `${kind} ${bytes(sources[kind] ?? 0)}`).join(', ')
  return `${cache}: ${bytes(all)}, ${bytes(fetchedBytes)} fetched${from === '' ? '' : ` (${from})`}`
}

type Brought = { cache: 'hit' | 'miss'; bytes: number; fetchedBytes: number; sources: Sources }
