import type { RepositoryType } from './contents.js'

/** What lies in a cache as it was found on disk. Times in ms since 1970, sizes in bytes. */
export type CacheScan = {
  repositories: ScannedRepository[]
  /** Files that repositories share, of the hub's own tools: their blobs are links to them. */
  payloads: ScannedPayload[]
  partials: ScannedPartial[]
  /** Digests that a live process is writing. */
  locked: ReadonlySet<string>
  volume: { freeBytes: number; totalBytes: number }
  unknown: { path: string; bytes: number; why: string }[]
}

/** One file on disk, under whatever names. `links` counts its hard links, here and elsewhere; `readAt` is when it was last read. */
export type StoredFile = { bytes: number; links: number; readAt: number; changedAt: number }

/** `folder` is its name in the cache. `files` of a blob and of revisions are the same object where they are the same on disk. */
export type ScannedRepository = {
  type: RepositoryType
  repo: string
  folder: string
  refs: Record<string, string>
  revisions: ScannedRevision[]
  blobs: ScannedBlob[]
}

/** `payload` is the shared file that it links to. */
export type ScannedBlob = { name: string; file: StoredFile; payload: string | null }

/** `changedAt` is when a file was last added to it. */
export type ScannedRevision = { commit: string; changedAt: number; files: ScannedFile[] }

/** `blob` is null for a file that is no link into the blobs, `file` for a link to nothing. */
export type ScannedFile = { path: string; blob: string | null; file: StoredFile | null }

/** `references`: blobs that its own list names and that link to it; null where there is no such list, and so nobody may remove it. */
export type ScannedPayload = { hash: string; file: StoredFile; references: number | null }

/**
 * A download that is not whole. `live`: a process holds its lock, or nobody can tell; not asked of those too young to be dead. `repo` and
 * `commit` are null where it does not say whose it is.
 */
export type ScannedPartial = { id: string; repo: string | null; commit: string | null; bytes: number; changedAt: number; live: boolean }
