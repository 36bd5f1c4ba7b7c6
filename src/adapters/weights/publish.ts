import { lstat, readFile, readlink, rename, rm, symlink, writeFile, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import { errno, inFolder, isWhole, syncFolder } from './disk.js'
import { requireValidRef, type Layout } from './layout.js'
import { ownedName } from './owned-files.js'

/** Gives a verified and synced part file its name in the cache. The snapshot's folder is there first: a cache without one is reported as corrupt. */
export async function publishBlob(partPath: string, layout: Layout, file: ModelFile): Promise<void> {
  await inFolder(dirname(layout.link(file)), async () => {})
  await inFolder(layout.blobs, () => rename(partPath, layout.blob(file)))
}

/** Links a blob that is there into the snapshot. A link or file that leads to the right size stays as it is. */
export async function linkFile(layout: Layout, file: ModelFile, scratch: string): Promise<void> {
  const link = layout.link(file)
  if (await isWhole(link, file.size)) return
  await inFolder(dirname(link), async () => {
    try {
      await symlink(layout.linkTarget(file), link)
    } catch (error) {
      if (errno(error) !== 'EEXIST') throw error
      await replaceLink(layout, file, scratch)
    }
  })
}

/** What is there leads nowhere or to the wrong size: the new link takes its place in one step. */
async function replaceLink(layout: Layout, file: ModelFile, scratch: string): Promise<void> {
  const link = layout.link(file)
  const target = layout.linkTarget(file)
  const isLink = (await lstat(link)).isSymbolicLink()
  if (isLink && (await readlink(link)) === target) return // another process made it meanwhile
  const temporary = join(scratch, `${ownedName()}.link`)
  try {
    await inFolder(scratch, () => symlink(target, temporary))
    await inFolder(dirname(link), () => rename(temporary, link))
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Records what a branch or tag pointed to; last, and in one step, so that a ref never names what is not there. */
export async function writeRef(layout: Layout, { ref, commit }: PinnedModel, scratch: string): Promise<void> {
  if (ref === commit) return
  requireValidRef(ref)
  const path = join(layout.refs, ref)
  if ((await readFile(path, 'utf8').catch(() => null)) === commit) return // absent or unreadable: written anew
  const temporary = join(scratch, `${ownedName()}.ref`)
  try {
    await inFolder(scratch, () => writeSynced(temporary, commit))
    await inFolder(dirname(path), () => rename(temporary, path))
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  await writeFile(path, text)
  const handle = await open(path)
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/** Makes the names of these files and of their blobs outlive a power cut. */
export async function syncNames(layout: Layout, files: ModelFile[]): Promise<void> {
  await syncFolder(layout.blobs)
  for (const folder of new Set(files.map((file) => dirname(layout.link(file))))) await syncFolder(folder)
}
