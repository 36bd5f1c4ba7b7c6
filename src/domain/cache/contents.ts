/** Everything that lies in a node's cache. Sizes in bytes on disk, each blob counted once, however many links lead to it. */
export type CacheContents = {
  repositories: CachedRepository[]
  /** Bytes of all blobs. */
  bytes: number
  /** Bytes of downloads that are not whole yet, and of dead ones. */
  partialBytes: number
  /** What lies there and is nobody's that we know; never removed. */
  unknown: { path: string; bytes: number; why: string }[]
}

export type RepositoryType = 'model' | 'dataset' | 'space'
export type FileKind = 'weights' | 'tokenizer' | 'config' | 'dataset' | 'metadata'

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
  /** Of all its files, and of those that no other revision shares: what its eviction would free. */
  bytes: number
  ownBytes: number
  lastUsedAt: string | null
  uses: number
  /** Endpoints that asked for it and were not taken out of service since. */
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
