import { blobsOf, type Account } from './account.js'
import { lastUse } from './build-contents.js'
import { compare } from './order.js'
import { FRESH_MS, isDead, protectionOf, type InUse } from './protect.js'
import type { Kept, Removal } from './prune.js'
import type { CacheScan, ScannedBlob, ScannedPartial, ScannedPayload, ScannedRepository, ScannedRevision } from './scan.js'
import { revisionKey, type CacheUsage } from './usage.js'

/** What there is to decide about. Times in ms since 1970. */
export type Facts = { scan: CacheScan; usage: CacheUsage; inUse: readonly InUse[]; now: number }

/** One thing that a cleanup may remove, and all that its remover needs. */
export type Target =
  | { kind: 'partial'; partial: ScannedPartial }
  | { kind: 'blob'; repository: ScannedRepository; blob: ScannedBlob }
  | { kind: 'payload'; payload: ScannedPayload }
  | { kind: 'revision'; repository: ScannedRepository; revision: ScannedRevision }

export type Candidate<T extends Target = Target> = { id: string; target: T; why: string; protection: string | null }
export type RevisionCandidate = Candidate<Extract<Target, { kind: 'revision' }>> & { usedAt: number; uses: number }

/** What is nobody's: downloads that died, and blobs that nothing links to. */
export function leftovers({ scan, now }: Facts): Candidate[] {
  const old = (at: number): boolean => now - at >= FRESH_MS
  const partials = scan.partials
    .filter((partial) => isDead(partial, now))
    .map((partial): Candidate => leftover(`partial:${partial.id}`, { kind: 'partial', partial }, 'its download died more than a day ago'))
  const blobs = scan.repositories.flatMap((repository) => {
    const linked = new Set(repository.revisions.flatMap((revision) => blobsOf(repository, revision)))
    return repository.blobs
      .filter((blob) => !linked.has(blob) && !scan.locked.has(blob.name) && old(blob.file.changedAt))
      .map((blob): Candidate => leftover(`${repository.repo}#${blob.name}`, { kind: 'blob', repository, blob }, 'no revision links to it'))
  })
  const payloads = scan.payloads
    .filter(({ references, file }) => references === 0 && old(file.changedAt))
    .map((payload): Candidate => leftover(`shared:${payload.hash}`, { kind: 'payload', payload }, 'no repository links to it'))
  return [partials, blobs, payloads].flatMap((each) => each.toSorted((a, b) => compare(a.id, b.id)))
}

const leftover = (id: string, target: Target, why: string): Candidate => ({ id, target, why, protection: null })

/** Every revision, in the order of names, with why it may not go. */
export function revisionsIn({ scan, usage, inUse, now }: Facts): RevisionCandidate[] {
  const protection = protectionOf(scan, usage, inUse, now)
  const revisions = scan.repositories.flatMap((repository) =>
    repository.revisions.map((revision): RevisionCandidate => {
      const id = revisionKey(repository.repo, revision.commit)
      return {
        id,
        target: { kind: 'revision', repository, revision },
        why: '',
        protection: protection(repository, revision),
        usedAt: lastUse(repository.repo, revision, usage),
        uses: usage.asked.get(id)?.uses ?? 0,
      }
    }),
  )
  return revisions.toSorted((a, b) => compare(a.id, b.id))
}

export type PlannedRemoval = Removal & { target: Target }

/** Books the removal, and says what it frees. */
export function remove(account: Account, { id, target, why }: Candidate): PlannedRemoval {
  switch (target.kind) {
    case 'partial':
      return {
        id,
        kind: 'partial',
        repo: target.partial.repo ?? '-',
        commit: target.partial.commit,
        bytes: target.partial.bytes,
        why,
        target,
      }
    case 'payload':
      return { id, kind: 'blob', repo: '-', commit: null, bytes: target.payload.file.bytes, why, target }
    case 'blob':
      return { id, kind: 'blob', repo: target.repository.repo, commit: null, bytes: account.removeBlob(target.blob), why, target }
    case 'revision': {
      const { repository, revision } = target
      return {
        id,
        kind: 'revision',
        repo: repository.repo,
        commit: revision.commit,
        bytes: account.removeRevision(repository, revision),
        why,
        target,
      }
    }
  }
}

/** `bytes` of all its files, whoever else holds them. */
export function keep({ id, target: { repository, revision } }: RevisionCandidate, why: string): Kept {
  const files = new Set(revision.files.flatMap(({ file }) => file ?? []))
  const bytes = [...files].reduce((sum, file) => sum + file.bytes, 0)
  return { id, repo: repository.repo, commit: revision.commit, bytes, why }
}
