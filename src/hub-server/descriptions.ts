import { createHash } from 'node:crypto'
import type { FileDigest } from '../contracts/model.js'
import { lfsPointer, type Digests } from './digests.js'
import type { StoredFile } from './files.js'
import type { Snapshot } from './repositories.js'

/** Body of `/api/models/{repo}` and `/api/models/{repo}/revision/{ref}`; sizes and digests only with `blobs`, as they may have to be computed. */
export async function describeModel({ repo, commit, files }: Snapshot, blobs: boolean, digests: Digests): Promise<object> {
  const siblings = await Promise.all(
    files.map(async (file) => (blobs ? describeSibling(file, await digests(file)) : { rfilename: file.path })),
  )
  const newest = files.reduce((latest, file) => Math.max(latest, file.mtimeMs), 0)
  return {
    _id: commit.slice(0, 24),
    id: repo,
    modelId: repo,
    author: repo.split('/')[0],
    sha: commit,
    lastModified: new Date(newest).toISOString(),
    private: false,
    gated: false,
    disabled: false,
    tags: [],
    downloads: 0,
    likes: 0,
    siblings,
  }
}

function describeSibling(file: StoredFile, digest: FileDigest): object {
  if (digest.kind === 'git-sha1') return { rfilename: file.path, size: file.size, blobId: digest.hex }
  const pointer = lfsPointer(digest.hex, file.size)
  const lfs = { sha256: digest.hex, size: file.size, pointerSize: pointer.size }
  return { rfilename: file.path, size: file.size, blobId: pointer.oid, lfs }
}

type TreeEntry = {
  type: 'file' | 'directory'
  oid: string
  size: number
  path: string
  lfs?: { oid: string; size: number; pointerSize: number }
}

/** Entries of `/api/models/{repo}/tree/{ref}/{folder}` by path. The `oid` of a folder is stable, but not the one git would give. */
export async function describeTree(files: StoredFile[], folder: string, recursive: boolean, digests: Digests): Promise<TreeEntry[]> {
  const prefix = folder === '' ? '' : `${folder}/`
  const below = files.filter((file) => file.path.startsWith(prefix))
  const entries: TreeEntry[] = []
  for (const path of foldersOf(below, prefix)) {
    if (!recursive && path.slice(prefix.length).includes('/')) continue
    const names = below.filter((file) => file.path.startsWith(`${path}/`)).map((file) => file.path)
    entries.push({ type: 'directory', oid: createHash('sha1').update(names.join('\n')).digest('hex'), size: 0, path })
  }
  for (const file of below) {
    if (!recursive && file.path.slice(prefix.length).includes('/')) continue
    entries.push(describeEntry(file, await digests(file)))
  }
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function describeEntry(file: StoredFile, digest: FileDigest): TreeEntry {
  const entry = { type: 'file', size: file.size, path: file.path } as const
  if (digest.kind === 'git-sha1') return { ...entry, oid: digest.hex }
  const pointer = lfsPointer(digest.hex, file.size)
  return { ...entry, oid: pointer.oid, lfs: { oid: digest.hex, size: file.size, pointerSize: pointer.size } }
}

function foldersOf(files: StoredFile[], prefix: string): Set<string> {
  const folders = new Set<string>()
  for (const { path } of files) {
    for (let slash = path.indexOf('/', prefix.length); slash !== -1; slash = path.indexOf('/', slash + 1)) folders.add(path.slice(0, slash))
  }
  return folders
}
