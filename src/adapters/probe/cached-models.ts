import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Repositories that lie in a Hugging Face cache: folders `models--org--name` with a ref, a snapshot, and no blob that is still being
 * brought (`.incomplete`). It reads names only, so a snapshot of some of a repository's files counts as the repository.
 */
export async function listCachedModels(hubCache: string): Promise<string[]> {
  const folders = (await list(hubCache)).filter((entry) => entry.isDirectory() && /^models--.+--.+$/.test(entry.name))
  const whole = await Promise.all(folders.map(async ({ name }) => ((await isWhole(join(hubCache, name))) ? [repositoryOf(name)] : [])))
  return whole.flat().toSorted()
}

async function isWhole(repo: string): Promise<boolean> {
  const [refs, snapshots, blobs] = await Promise.all(['refs', 'snapshots', 'blobs'].map((folder) => list(join(repo, folder))))
  if (refs?.length === 0 || snapshots === undefined || blobs?.some(({ name }) => name.endsWith('.incomplete'))) return false
  const files = await Promise.all(snapshots.map(({ name }) => list(join(repo, 'snapshots', name))))
  return files.some((snapshot) => snapshot.length > 0)
}

/** A repository's name holds no `--`, so the first one behind the kind parts it. */
function repositoryOf(folder: string): string {
  return folder.slice('models--'.length).replace('--', '/')
}

/** Empty where there is no such folder yet. */
async function list(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  })
}
