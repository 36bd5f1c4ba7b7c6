import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Commit, ModelId, Ref } from '../contracts/names.js'
import type { Digests } from './digests.js'
import { filesBelow, type OnRefused, type StoredFile } from './files.js'

/** A model as it stands at one commit. */
export type Snapshot = { repo: string; commit: string; files: StoredFile[] }
export type Lookup = { found: Snapshot } | { missing: 'repo' | 'revision' }

/** Finds the snapshot that a ref names. */
export type Repositories = (repo: string, ref: string) => Promise<Lookup>

/** A folder is looked at again after this long, in ms: between two requests of one download it stays the same. */
const LOOK_AGAIN_MS = 1000
const MOST_REMEMBERED = 256

/**
 * The models below a folder. Either `<org>/<name>/` with the files: one commit, named by the file `.aim-commit` or else derived from
 * paths and digests, known as `main`. Or `models--<org>--<name>/` of a Hugging Face cache: its snapshots and refs as they are,
 * and its only snapshot as `main` when it has no such ref.
 */
export function createRepositories(root: string, digests: Digests, onRefused: OnRefused): Repositories {
  const remembered = new Map<string, { at: number; lookup: Promise<Lookup> }>()

  async function look(repo: string, ref: string): Promise<Lookup> {
    if (!ModelId.safeParse(repo).success) return { missing: 'repo' }
    const folder = join(root, repo)
    const cache = join(root, `models--${repo.replace('/', '--')}`)
    const place = (await isFolder(folder)) ? fromFolder(folder, ref) : (await isFolder(cache)) ? fromCache(cache, ref) : null
    if (place === null) return { missing: 'repo' }
    const snapshot = await place
    return snapshot === null ? { missing: 'revision' } : { found: { repo, ...snapshot } }
  }

  async function fromFolder(folder: string, ref: string): Promise<Omit<Snapshot, 'repo'> | null> {
    const files = await filesBelow(root, folder, onRefused)
    const commit = (await pinnedCommit(folder)) ?? (await derivedCommit(files, digests))
    return ref === 'main' || ref === commit ? { commit, files } : null
  }

  async function fromCache(cache: string, ref: string): Promise<Omit<Snapshot, 'repo'> | null> {
    const commit = Commit.safeParse(ref).success ? ref : await commitOfRef(cache, ref)
    if (commit === null) return null
    const folder = join(cache, 'snapshots', commit)
    return (await isFolder(folder)) ? { commit, files: await filesBelow(root, folder, onRefused) } : null
  }

  return (repo, ref) => {
    const key = `${repo}\0${ref}`
    const recent = remembered.get(key)
    if (recent !== undefined && Date.now() - recent.at < LOOK_AGAIN_MS) return recent.lookup
    const lookup = look(repo, ref)
    if (remembered.size >= MOST_REMEMBERED) remembered.clear()
    remembered.set(key, { at: Date.now(), lookup })
    lookup.catch(() => remembered.delete(key)) // the asker sees the error; the next one looks again
    return lookup
  }
}

async function pinnedCommit(folder: string): Promise<string | null> {
  const text = await readIfThere(join(folder, '.aim-commit'))
  if (text === null) return null
  const commit = Commit.safeParse(text.trim())
  if (!commit.success) throw new Error(`${join(folder, '.aim-commit')} must hold a commit of 40 hex digits`)
  return commit.data
}

async function derivedCommit(files: StoredFile[], digests: Digests): Promise<string> {
  const hash = createHash('sha1')
  for (const file of files) hash.update(`${(await digests(file)).hex} ${file.path}\n`)
  return hash.digest('hex')
}

async function commitOfRef(cache: string, ref: string): Promise<string | null> {
  if (!Ref.safeParse(ref).success) return null
  const named = await readIfThere(join(cache, 'refs', ref))
  if (named !== null) return Commit.safeParse(named.trim()).data ?? null
  const snapshots = ref === 'main' ? await readdir(join(cache, 'snapshots')).catch(() => []) : [] // no folder: no snapshot
  const [only, ...others] = snapshots.filter((name) => Commit.safeParse(name).success)
  return only !== undefined && others.length === 0 ? only : null
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false // what cannot be looked at cannot be served
}
