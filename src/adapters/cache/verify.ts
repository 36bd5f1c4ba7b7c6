import { join } from 'node:path'
import type { VerifyProgress, VerifyRequest } from '../../contracts/cache.js'
import { AimError } from '../../contracts/errors.js'
import type { CacheScan, ScannedRepository, ScannedRevision, StoredFile } from '../../domain/cache/scan.js'
import { blobKey, type CacheUsage } from '../../domain/cache/usage.js'
import type { VerifyReport } from '../../domain/cache/verify.js'
import { sampleOf, type Provable } from '../../domain/cache/verify-order.js'
import type { CacheLedger } from '../../ports/cache-ledger.js'
import { errno } from '../weights/disk.js'
import { hashFile } from './hash-file.js'
import { isDigest, type CachePlaces } from './places.js'
import { repairBlob, type Refetch } from './repair-blob.js'
import { facts } from './stored-files.js'

export type Verifier = { places: CachePlaces; ledger: CacheLedger; scan: CacheScan; usage: CacheUsage; refetch: Refetch }
type Watch = { signal?: AbortSignal; onProgress?: (progress: VerifyProgress) => void }

/** A blob to prove, with one of the files that lead to it. */
type Item = Provable & { repository: ScannedRepository; commit: string; path: string; file: StoredFile | null }

/** Re-hashes blobs and, when asked, brings those that are wrong again. What was found before an abort is kept in the ledger. */
export async function verifyCache(verifier: Verifier, request: VerifyRequest, { signal, onProgress }: Watch = {}): Promise<VerifyReport> {
  const { ledger } = verifier
  const { items, skipped } = itemsOf(verifier, request)
  const totalBytes = items.reduce((sum, { bytes }) => sum + bytes, 0)
  const report: VerifyReport = { checkedFiles: 0, checkedBytes: 0, skipped, bad: [] }
  const proofs = new Map<string, { good: string[]; bad: string[] }>()
  const known = new Map<StoredFile, string>()
  let doneBytes = 0
  try {
    for (const item of items) {
      signal?.throwIfAborted()
      const tell = (bytes: number): void => onProgress?.({ file: item.path, doneBytes: (doneBytes += bytes), totalBytes })
      const actual = await digestOf(verifier, item, known, tell, signal)
      if (actual === null) {
        skipped.push({ repo: item.repo, path: item.path, why: 'it went away meanwhile' })
        continue
      }
      report.checkedFiles++
      report.checkedBytes += item.bytes
      const proof = proofs.get(item.repo) ?? { good: [], bad: [] }
      proofs.set(item.repo, proof)
      proof[actual === item.digest ? 'good' : 'bad'].push(item.digest)
      if (actual !== item.digest) report.bad.push(await handle(verifier, item, actual, request.repair, signal))
    }
  } finally {
    const at = new Date().toISOString()
    for (const [repo, proof] of proofs) await ledger.append({ kind: 'verified', at, repo, ...proof })
  }
  return report
}

function itemsOf(
  { scan, usage }: Verifier,
  { repo, commit: only, sampleBytes }: VerifyRequest,
): { items: Item[]; skipped: VerifyReport['skipped'] } {
  const wanted = (repository: ScannedRepository): ScannedRevision[] =>
    repository.revisions.filter(({ commit }) => only === undefined || commit === only)
  const repositories = scan.repositories.filter((repository) => repo === undefined || repository.repo === repo)
  if (repo !== undefined && (repositories.length === 0 || (only !== undefined && repositories.flatMap(wanted).length === 0)))
    throw new AimError('NotFound', { what: `${repo}${only === undefined ? '' : `@${only}`} in the cache` })
  const items = new Map<string, Item>()
  const skipped: VerifyReport['skipped'] = []
  for (const repository of repositories) {
    for (const { commit, files } of wanted(repository)) {
      for (const { path, blob, file } of files) {
        if (blob === null) skipped.push({ repo: repository.repo, path, why: 'it is no link to a blob' })
        else if (!isDigest(blob)) skipped.push({ repo: repository.repo, path, why: 'the name of its blob is no digest' })
        else {
          const key = blobKey(repository.repo, blob)
          const verifiedAt = usage.verified.get(key) ?? null
          items.set(key, { repo: repository.repo, digest: blob, bytes: file?.bytes ?? 0, verifiedAt, repository, commit, path, file })
        }
      }
    }
  }
  return { items: sampleOf([...items.values()], sampleBytes), skipped }
}

/** What a blob's bytes are; null when it was removed meanwhile. What several repositories share is read once. */
async function digestOf(
  { places }: Verifier,
  { repository, digest, file, bytes }: Item,
  known: Map<StoredFile, string>,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string | null> {
  if (file === null) return 'nothing'
  const before = known.get(file)
  if (before !== undefined && before.length === digest.length) {
    onBytes(bytes)
    return before
  }
  const path = join(places.hubCache, repository.folder, 'blobs', digest)
  try {
    const hex = await hashFile(path, digest.length === 64 ? 'sha256' : 'git-sha1', onBytes, signal)
    known.set(file, hex)
    return hex
  } catch (error) {
    if (errno(error) === 'ENOENT') return facts(path) === null ? null : 'nothing' // a link to nothing is wrong, too
    if (errno(error) === undefined || signal?.aborted) throw error
    return `unreadable: ${errno(error)}`
  }
}

async function handle(
  verifier: Verifier,
  item: Item,
  actual: string,
  repair: boolean,
  signal?: AbortSignal,
): Promise<VerifyReport['bad'][number]> {
  const { repo, commit, path, digest } = item
  const found = { repo, commit, path, digest, actual }
  if (!repair) return { ...found, state: 'wrong', why: null }
  return { ...found, ...(await repairBlob(verifier, item, signal)) }
}
