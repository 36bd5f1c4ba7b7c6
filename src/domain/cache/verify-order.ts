import { compare } from './order.js'

/** One blob to prove. `verifiedAt` ISO 8601; null: never. */
export type Provable = { repo: string; digest: string; bytes: number; verifiedAt: string | null }

/** Those whose last proof is oldest first, at least one and at most so many bytes; all where no number is given. */
export function sampleOf<Item extends Provable>(items: readonly Item[], sampleBytes: number | undefined): Item[] {
  const sorted = items.toSorted(
    (a, b) => compare(a.verifiedAt ?? '', b.verifiedAt ?? '') || compare(a.repo, b.repo) || compare(a.digest, b.digest),
  )
  if (sampleBytes === undefined) return sorted
  const sample: Item[] = []
  let bytes = 0
  for (const item of sorted) {
    if (sample.length > 0 && bytes + item.bytes > sampleBytes) break
    sample.push(item)
    bytes += item.bytes
  }
  return sample
}
