import { z } from 'zod'
import { Commit, ModelId, RepoPath } from './names.js'

/** How a file of a repository is proved whole: sha256 for large (LFS, Xet) files, git's blob sha1 for small ones. */
export const FileDigest = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sha256'), hex: z.string().regex(/^[0-9a-f]{64}$/) }),
  z.strictObject({ kind: z.literal('git-sha1'), hex: z.string().regex(/^[0-9a-f]{40}$/) }),
])
export type FileDigest = z.infer<typeof FileDigest>

/** One file of a pinned model. `size` in bytes. */
export const ModelFile = z.strictObject({ path: RepoPath, size: z.int().min(0), digest: FileDigest })
export type ModelFile = z.infer<typeof ModelFile>

/** A model pinned to a commit, with every file it holds there. `ref` is what was asked for. */
export const PinnedModel = z.strictObject({
  repo: ModelId,
  ref: z.string(),
  commit: Commit,
  files: z.array(ModelFile),
})
export type PinnedModel = z.infer<typeof PinnedModel>

/** A model pinned to a commit and brought to one node. `path` is the snapshot folder there. */
export const Weights = z.strictObject({
  repo: ModelId,
  commit: Commit,
  path: z.string(),
  bytes: z.int(),
  fetchedBytes: z.int(),
  /** Fetched bytes by the kind of place they came from: `hub`, `peer`, ... */
  sources: z.record(z.string(), z.int()),
  cache: z.enum(['hit', 'miss']),
})
export type Weights = z.infer<typeof Weights>

/** Progress of one download, in bytes: what its heartbeats carry. `fetchedBytes` counts only what came over the network in this call. */
export const TransferProgress = z.object({
  file: z.string(),
  doneBytes: z.number(),
  totalBytes: z.number(),
  fetchedBytes: z.number(),
  filesDone: z.number(),
  filesTotal: z.number(),
})
export type TransferProgress = z.infer<typeof TransferProgress>
