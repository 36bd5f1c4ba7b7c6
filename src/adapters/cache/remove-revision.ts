import { lstat, readFile, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { blobsOf } from '../../domain/cache/account.js'
import type { ScannedBlob, ScannedRepository, ScannedRevision } from '../../domain/cache/scan.js'
import { errno, removeIfEmpty } from '../weights/disk.js'
import type { CachePlaces } from './places.js'
import { removeBlob } from './remove-blob.js'

/** `gone`: digests of the blobs that went with it. `left`: blobs that nothing links to now, and why they stay. */
export type RemovedRevision = { gone: string[]; left: { blob: ScannedBlob; why: string }[] }

/** Removes a revision in the order that never lets a name lead to nothing: branches, links and notes, then blobs that nobody else links to. */
export async function removeRevision(
  places: CachePlaces,
  repository: ScannedRepository,
  revision: ScannedRevision,
): Promise<RemovedRevision> {
  const root = join(places.hubCache, repository.folder)
  const snapshot = join(root, 'snapshots', revision.commit)
  for (const name of Object.keys(repository.refs)) await removeRef(join(root, 'refs', name), revision.commit)
  for (const { path } of revision.files) await rm(join(snapshot, path), { force: true })
  await removeEmptyTree(snapshot)
  await rm(join(root, '.no_exist', revision.commit), { recursive: true, force: true })
  await rm(join(root, 'trees', `${revision.commit}.json`), { force: true })

  const result: RemovedRevision = { gone: [], left: [] }
  for (const blob of blobsOf(repository, revision)) {
    const others = repository.revisions.some((other) => other !== revision && other.files.some((file) => file.blob === blob.name))
    const why = others ? null : await removeBlob(places, repository.folder, blob)
    if (why !== null) result.left.push({ blob, why })
    else if (!others) result.gone.push(blob.name)
  }
  repository.revisions = repository.revisions.filter((other) => other !== revision)
  await tidyRepository(root)
  return result
}

/** Removes folders of a repository that hold nothing any more. */
export async function tidyRepository(root: string): Promise<void> {
  for (const name of ['snapshots', 'refs', 'blobs', '.no_exist', 'trees']) await removeEmptyTree(join(root, name))
  await removeIfEmpty(root)
}

async function removeRef(path: string, commit: string): Promise<void> {
  const names = await readFile(path, 'utf8').catch(() => null) // gone, or moved on to a folder
  if (names?.trim() !== commit) return
  await rm(path, { force: true })
  await removeIfEmpty(dirname(path))
}

async function removeEmptyTree(folder: string): Promise<void> {
  if (!(await isFolder(folder))) return // a link leads to what is not ours
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []) // absent
  for (const entry of entries) if (entry.isDirectory()) await removeEmptyTree(join(folder, entry.name))
  await rmdir(folder).catch((error: unknown) => {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errno(error) ?? '')) throw error
  })
}

const isFolder = (path: string): Promise<boolean> =>
  lstat(path).then(
    (facts) => facts.isDirectory(),
    () => false, // absent
  )
