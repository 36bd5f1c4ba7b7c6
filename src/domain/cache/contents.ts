/** Everything that lies in a node's cache. Sizes in bytes on disk, each blob counted once, however many links lead to it. */
export type CacheContents = {
  repositories: CachedRepository[]
  /** Bytes of all blobs, those that no revision links to included. */
  bytes: number
  /** Of those that a revision links to, by the kind of the first file that does: with the unreferenced ones they add up to `bytes`. */
  kinds: Record<FileKind, number>
  /** Bytes of downloads that are not whole yet, and of dead ones. */
  partialBytes: number
  /** The volume that the cache is on: free for us, and all of it. */
  volume: { freeBytes: number; totalBytes: number }
  /** What lies there and is nobody's that we know; never removed. */
  unknown: { path: string; bytes: number; why: string }[]
}

export type RepositoryType = 'model' | 'dataset' | 'space' | 'kernel'
export const FILE_KINDS = ['weights', 'tokenizer', 'config', 'dataset', 'metadata'] as const
export type FileKind = (typeof FILE_KINDS)[number]

/** `repo` is `org/name` of a model, with the type before it for all else, as in the addresses of a hub: `datasets/org/name`. */
export type CachedRepository = {
  type: RepositoryType
  repo: string
  revisions: CachedRevision[]
  /** Branches and tags, by the commit that they name here. */
  refs: Record<string, string>
  bytes: number
  /** Blobs that no revision links to. */
  unreferenced: { digest: string; bytes: number }[]
  pinned: boolean
}

export type CachedRevision = {
  commit: string
  files: CachedFile[]
  /** Files that were here once: their blob is gone. */
  missing: string[]
  /** Of all its files, and of those that no other revision shares: what its eviction would free. */
  bytes: number
  ownBytes: number
  /** When it was last asked for, or its files were last read by whomever. */
  lastUsedAt: string
  uses: number
  /** Endpoints in service that serve it, or would roll back to it. */
  usedBy: string[]
  pinned: boolean
}

/** `digest`: name of its blob, null where the file is no link into the blobs. Times are ISO 8601; null: never, or before the ledger began. */
export type CachedFile = {
  path: string
  kind: FileKind
  bytes: number
  digest: string | null
  verifiedAt: string | null
  source: string | null
}
