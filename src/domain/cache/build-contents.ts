import type { CacheContents, CachedFile, CachedRepository, CachedRevision } from './contents.js'
import { kindOf } from './kinds.js'
import { compare } from './order.js'
import type { CacheScan, ScannedRepository, ScannedRevision, StoredFile } from './scan.js'
import { blobKey, revisionKey, usersOf, type CacheUsage } from './usage.js'

/** What was found on disk, with what the ledger knows about it. */
export function buildContents(scan: CacheScan, usage: CacheUsage): CacheContents {
  const holders = holdersOf(scan)
  const repositories = scan.repositories.map((repository) => describeRepository(repository, usage, holders))
  const all = new Set([...scan.repositories.flatMap(filesOf), ...scan.payloads.map(({ file }) => file)])
  return {
    repositories: repositories.toSorted((a, b) => compare(a.repo, b.repo)),
    bytes: sum(all),
    kinds: bytesByKind(scan),
    partialBytes: scan.partials.reduce((total, { bytes }) => total + bytes, 0),
    volume: scan.volume,
    unknown: scan.unknown.toSorted((a, b) => compare(a.path, b.path)),
  }
}

function bytesByKind({ repositories }: CacheScan): CacheContents['kinds'] {
  const kinds: CacheContents['kinds'] = { weights: 0, tokenizer: 0, config: 0, dataset: 0, metadata: 0 }
  const seen = new Set<StoredFile>()
  for (const { type, revisions } of repositories) {
    for (const { path, file } of revisions.flatMap(({ files }) => files)) {
      if (file !== null && !seen.has(file)) kinds[kindOf(path, type)] += file.bytes
      if (file !== null) seen.add(file)
    }
  }
  return kinds
}

/** When somebody last asked for a revision, or read one of its files, in ms. A revision of no files: when it was made. */
export function lastUse(repo: string, { commit, changedAt, files }: ScannedRevision, { asked }: CacheUsage): number {
  const at = asked.get(revisionKey(repo, commit))?.at
  const read = files.map(({ file }) => file?.readAt ?? 0)
  return Math.max(at === undefined ? 0 : Date.parse(at), files.length === 0 ? changedAt : 0, ...read)
}

/** How many revisions hold each file. */
function holdersOf({ repositories }: CacheScan): Map<StoredFile, number> {
  const holders = new Map<StoredFile, number>()
  for (const revision of repositories.flatMap(({ revisions }) => revisions))
    for (const file of storedIn(revision)) holders.set(file, (holders.get(file) ?? 0) + 1)
  return holders
}

function describeRepository(scanned: ScannedRepository, usage: CacheUsage, holders: Map<StoredFile, number>): CachedRepository {
  const { type, repo, refs } = scanned
  const linked = new Set(scanned.revisions.flatMap(({ files }) => files.map(({ blob }) => blob)))
  const unreferenced = scanned.blobs.filter(({ name }) => !linked.has(name)).map(({ name, file }) => ({ digest: name, bytes: file.bytes }))
  const revisions = scanned.revisions.map((revision) => describeRevision(scanned, revision, usage, holders))
  return {
    type,
    repo,
    revisions: revisions.toSorted((a, b) => compare(b.lastUsedAt, a.lastUsedAt) || compare(a.commit, b.commit)),
    refs,
    bytes: sum(new Set(filesOf(scanned))),
    unreferenced,
    pinned: usage.pins.has(repo),
  }
}

function describeRevision(
  { type, repo }: ScannedRepository,
  revision: ScannedRevision,
  usage: CacheUsage,
  holders: Map<StoredFile, number>,
): CachedRevision {
  const key = revisionKey(repo, revision.commit)
  const stored = storedIn(revision)
  const files = revision.files.flatMap(({ path, blob, file }): CachedFile[] => {
    if (file === null) return []
    const known = blob === null ? null : blobKey(repo, blob)
    return [
      {
        path,
        kind: kindOf(path, type),
        bytes: file.bytes,
        digest: blob,
        verifiedAt: (known !== null && usage.verified.get(known)) || null,
        source: (known !== null && usage.sources.get(known)) || null,
      },
    ]
  })
  return {
    commit: revision.commit,
    files: files.toSorted((a, b) => compare(a.path, b.path)),
    missing: revision.files.flatMap(({ path, file }) => (file === null ? [path] : [])).toSorted(),
    bytes: sum(stored),
    ownBytes: sum([...stored].filter((file) => holders.get(file) === 1)),
    lastUsedAt: new Date(lastUse(repo, revision, usage)).toISOString(),
    uses: usage.asked.get(key)?.uses ?? 0,
    usedBy: usersOf(usage, key),
    pinned: usage.pins.has(repo) || usage.pins.has(key),
  }
}

function storedIn({ files }: ScannedRevision): Set<StoredFile> {
  return new Set(files.flatMap(({ file }) => file ?? []))
}

function filesOf({ blobs, revisions }: ScannedRepository): StoredFile[] {
  return [...blobs.map(({ file }) => file), ...revisions.flatMap((revision) => [...storedIn(revision)])]
}

function sum(files: Iterable<StoredFile>): number {
  let bytes = 0
  for (const file of files) bytes += file.bytes
  return bytes
}
