import { basename, dirname, join, relative } from 'node:path'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import { AimError } from '../../contracts/errors.js'
import { Commit, ModelId, Ref, RepoPath } from '../../contracts/names.js'
import { pythonLockPath } from './python-lock.js'

/** Where one model lies in a Hugging Face cache. Source: huggingface_hub 2.4, `_hf_hub_download_to_cache_dir`. */
export type Layout = {
  repo: string
  blobs: string
  refs: string
  snapshots: string
  snapshot: string
  /** A blob is named by the digest of its file, as the hub's etag is. */
  blob(file: ModelFile): string
  link(file: ModelFile): string
  /** Where the hub's Python client locks the blob. */
  pythonLock(file: ModelFile): string
  /** What the link of a file holds: relative, so that a cache can be moved. */
  linkTarget(file: ModelFile): string
}

/** @throws AimError `InvalidInput` for names that would lead out of the cache. */
export function layoutOf(hubCache: string, { repo, commit }: Pick<PinnedModel, 'repo' | 'commit'>): Layout {
  requireValid('model', ModelId, repo)
  requireValid('commit', Commit, commit)
  const root = join(hubCache, `models--${repo.replace('/', '--')}`)
  const snapshot = join(root, 'snapshots', commit)
  const blob = (file: ModelFile): string => join(root, 'blobs', file.digest.hex)
  const link = (file: ModelFile): string => join(snapshot, file.path)
  return {
    repo: root,
    blobs: join(root, 'blobs'),
    refs: join(root, 'refs'),
    snapshots: join(root, 'snapshots'),
    snapshot,
    blob,
    pythonLock: (file) => pythonLockPath(hubCache, basename(root), file.digest.hex),
    link,
    linkTarget: (file) => relative(dirname(link(file)), blob(file)),
  }
}

export function requireValidFiles(files: ModelFile[]): void {
  if (files.length === 0) throw new AimError('InvalidInput', { field: 'files', rule: 'must name at least one file' })
  for (const { path } of files) requireValid(`file ${JSON.stringify(path)}`, RepoPath, path)
}

export function requireValidRef(ref: string): void {
  requireValid('ref', Ref, ref)
}

type Rule = { safeParse(value: unknown): { success: boolean; error?: { issues: { message: string }[] } | undefined } }

function requireValid(field: string, rule: Rule, value: string): void {
  const result = rule.safeParse(value)
  if (!result.success) throw new AimError('InvalidInput', { field, rule: result.error?.issues[0]?.message ?? 'is not valid' })
}
