import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { RepoPath } from '../contracts/names.js'

/** One file that can be served. `real` is its path without links, `size` in bytes, `blob` the name of the blob its link points to. */
export type StoredFile = { path: string; real: string; size: number; mtimeMs: number; blob: string | null }

/** Told about each file that is left out, and why. */
export type OnRefused = (path: string, reason: string) => void

/** Folders and files that are about a model, not of it. */
const NOT_SERVED = new Set(['.git', '.cache', '.aim-commit'])

/**
 * Every file below `folder`, by path; `root` is a real path. Left out: links that lead out of `root` or to folders, names that a client would refuse, and
 * what is neither file nor folder.
 */
export async function filesBelow(root: string, folder: string, onRefused: OnRefused): Promise<StoredFile[]> {
  const inside = root + sep
  const found: StoredFile[] = []

  async function visit(folder: string, prefix: string): Promise<void> {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = prefix + entry.name
      const full = join(folder, entry.name)
      if (prefix === '' && NOT_SERVED.has(entry.name)) continue
      if (entry.isDirectory()) await visit(full, `${path}/`)
      else if (!RepoPath.safeParse(path).success) onRefused(full, 'its name cannot be served')
      else await look(full, path)
    }
  }

  async function look(full: string, path: string): Promise<void> {
    try {
      const real = await realpath(full)
      const facts = await stat(real)
      if (!real.startsWith(inside)) onRefused(full, 'it is a link out of the served folder')
      else if (!facts.isFile()) onRefused(full, 'it is not a file')
      else found.push({ path, real, size: facts.size, mtimeMs: facts.mtimeMs, blob: await blobOf(full) })
    } catch (error) {
      onRefused(full, (error as NodeJS.ErrnoException).code ?? String(error)) // a link to nothing, or removed while we looked
    }
  }

  await visit(folder, '')
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

async function blobOf(path: string): Promise<string | null> {
  if (!(await lstat(path)).isSymbolicLink()) return null
  const target = await readlink(path)
  return basename(dirname(target)) === 'blobs' ? basename(target) : null
}
