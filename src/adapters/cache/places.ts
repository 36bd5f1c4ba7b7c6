import { readlinkSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { RepositoryType } from '../../domain/cache/contents.js'

/** Where a node's cache lies. `partials`: part files and locks of our own downloads. */
export type CachePlaces = { hubCache: string; partials: string }

const TYPES: Record<string, RepositoryType> = { models: 'model', datasets: 'dataset', spaces: 'space', kernels: 'kernel' }

/** What a folder of a Hugging Face cache holds: `models--org--name`. Null for any other. Source: huggingface_hub 2.4, `_scan_cached_repo`. */
export function repositoryOf(folder: string): { type: RepositoryType; repo: string } | null {
  const [prefix = '', ...parts] = folder.split('--')
  const type = TYPES[prefix]
  if (type === undefined || parts.length === 0 || parts.some((part) => !/^[A-Za-z0-9][\w.-]*$/.test(part))) return null
  const name = parts.join('/')
  return { type, repo: type === 'model' ? name : `${prefix}/${name}` }
}

export const payloadPath = (hubCache: string, hash: string): string => join(hubCache, 'blobs', hash.slice(0, 2), hash)

/** Names of blobs that are digests: git's blob sha1, or sha256. */
export const isDigest = (name: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)

/** The shared file that a repository's blob links to, `../../blobs/<2 hex>/<hash>`; null for a link to anything else. Source: huggingface_hub 2.4, `utils/_shared_blobs.py`. */
export function payloadOf(hubCache: string, link: string): { hash: string; path: string } | null {
  const target = resolve(dirname(link), readlinkSync(link))
  const hash = basename(target)
  return /^[0-9a-f]{64}$/.test(hash) && target === resolve(payloadPath(hubCache, hash)) ? { hash, path: target } : null
}
