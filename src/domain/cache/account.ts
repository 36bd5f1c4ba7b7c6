import type { CacheScan, ScannedBlob, ScannedRepository, ScannedRevision, StoredFile } from './scan.js'

/** Keeps count of what removals free: a file's bytes come free with the last of its names. Each answers the bytes that it frees, after those before it. */
export type Account = {
  removeRevision(repository: ScannedRepository, revision: ScannedRevision): number
  removeBlob(blob: ScannedBlob): number
  /** Whether this file's last name was removed. */
  readonly isGone: (file: StoredFile) => boolean
}

export function openAccount(scan: CacheScan): Account {
  /** Revisions that link to a blob. */
  const links = new Map<ScannedBlob, number>()
  for (const repository of scan.repositories)
    for (const revision of repository.revisions)
      for (const blob of blobsOf(repository, revision)) links.set(blob, (links.get(blob) ?? 0) + 1)
  /** Names by which a file is still held. Hard links from elsewhere, and payloads that nobody may remove, never come to none. */
  const names = new Map<StoredFile, number>()
  for (const { file, references } of scan.payloads) names.set(file, references ?? Infinity)

  function releaseName(file: StoredFile): number {
    const left = (names.get(file) ?? file.links) - 1
    names.set(file, left)
    return left === 0 ? file.bytes : 0
  }

  return {
    removeBlob: ({ file }) => releaseName(file),
    removeRevision(repository, revision) {
      let freed = 0
      for (const blob of blobsOf(repository, revision)) {
        const left = (links.get(blob) ?? 1) - 1
        links.set(blob, left)
        if (left === 0) freed += releaseName(blob.file)
      }
      for (const { blob, file } of revision.files) if (blob === null && file !== null) freed += releaseName(file)
      return freed
    },
    isGone: (file) => names.get(file) === 0,
  }
}

/** The blobs that a revision links to, each once. */
export function blobsOf({ blobs }: Pick<ScannedRepository, 'blobs'>, { files }: Pick<ScannedRevision, 'files'>): ScannedBlob[] {
  const linked = new Set(files.map(({ blob }) => blob))
  return blobs.filter(({ name }) => linked.has(name))
}
