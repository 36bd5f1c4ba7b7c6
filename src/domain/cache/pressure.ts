import { bytes as bytesText } from '../units.js'
import type { RevisionCandidate } from './candidates.js'
import { compare } from './order.js'
import type { CachePolicy } from './policy.js'
import type { CacheScan, ScannedBlob, StoredFile } from './scan.js'
import { blobsOf } from './account.js'

const DAY_MS = 86_400_000

/** Revisions that the policy names whatever space there is, each with why. */
export function unwanted(revisions: RevisionCandidate[], policy: CachePolicy, now: number): { revision: RevisionCandidate; why: string }[] {
  const { keepRevisions, maxIdleDays } = policy
  const found: { revision: RevisionCandidate; why: string }[] = []
  if (keepRevisions !== undefined) {
    const seen = new Map<string, number>()
    for (const revision of revisions.toSorted((a, b) => b.usedAt - a.usedAt || compare(a.id, b.id))) {
      const { repo } = revision.target.repository
      const place = (seen.get(repo) ?? 0) + 1
      seen.set(repo, place)
      if (place > keepRevisions) found.push({ revision, why: `beyond the ${keepRevisions} newest used of ${repo}` })
    }
  }
  if (maxIdleDays !== undefined) {
    for (const revision of inOrder(revisions, 'lru')) {
      const idle = (now - revision.usedAt) / DAY_MS
      if (idle > maxIdleDays) found.push({ revision, why: `not used for ${rounded(idle)} days, and ${rounded(maxIdleDays)} is the most` })
    }
  }
  return found
}

/** Who goes first. */
export function inOrder(revisions: RevisionCandidate[], order: CachePolicy['order']): RevisionCandidate[] {
  return revisions.toSorted((a, b) => (order === 'lfu' ? a.uses - b.uses : 0) || a.usedAt - b.usedAt || compare(a.id, b.id))
}

/** Bytes that must come free in all, when `freed` of them come free anyway. Below the low watermark it takes as many as the high one asks for. */
export function bytesOver({ maxBytes, freeLow, freeHigh }: CachePolicy, scan: CacheScan, freed: number): number {
  const { freeBytes, totalBytes } = scan.volume
  const tooLarge = maxBytes === undefined ? 0 : heldBytes(scan) - maxBytes
  const isLow = freeLow !== undefined && freeBytes + freed < freeLow * totalBytes
  const tooFull = isLow ? Math.ceil((freeHigh ?? freeLow) * totalBytes) - freeBytes : 0
  return Math.max(0, tooLarge, tooFull)
}

export function wordsOf({ maxBytes, freeLow, freeHigh, order }: CachePolicy): string {
  const limits = [
    ...(maxBytes === undefined ? [] : [`at most ${bytesText(maxBytes)} in the cache`]),
    ...(freeLow === undefined ? [] : [`at least ${Math.round((freeHigh ?? freeLow) * 100)} % of the volume free`]),
  ]
  return `${order === 'lru' ? 'least recently used' : 'least often used'}: ${limits.join(', ')}`
}

/** Everything that the cache takes: blobs, shared files and downloads under way. */
export function heldBytes({ repositories, payloads, partials }: CacheScan): number {
  const files = new Set<StoredFile>(payloads.map(({ file }) => file))
  for (const { blobs, revisions } of repositories) {
    for (const { file } of blobs) files.add(file)
    for (const { file } of revisions.flatMap((revision) => revision.files)) if (file !== null) files.add(file)
  }
  let held = 0
  for (const { bytes } of [...files, ...partials]) held += bytes
  return held
}

/** Whether a revision's going frees anything at all, when those that may go have gone: else it would be lost for nothing. */
export function usefulTo(scan: CacheScan, revisions: RevisionCandidate[]): (revision: RevisionCandidate) => boolean {
  const stuck = new Set<StoredFile>(scan.payloads.flatMap(({ file, references }) => (references === null ? [file] : [])))
  const held = new Set<ScannedBlob>()
  for (const { protection, target } of revisions) {
    if (protection === null) continue
    for (const blob of blobsOf(target.repository, target.revision)) held.add(blob)
    for (const { file } of target.revision.files) if (file !== null) stuck.add(file)
  }
  return ({ target: { repository, revision } }) =>
    blobsOf(repository, revision).some((blob) => !held.has(blob) && !stuck.has(blob.file)) ||
    revision.files.some(({ blob, file }) => blob === null && file !== null && !stuck.has(file))
}

/** Days, to a quarter of an hour. */
const rounded = (days: number): number => Math.round(days * 100) / 100
