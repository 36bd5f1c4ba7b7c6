import { readdir, realpath, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

/** One name for a folder, however it was reached; also while it does not exist. */
export async function canonical(folder: string): Promise<string> {
  try {
    return await realpath(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return resolve(folder)
    throw error
  }
}

/** Folders `depth` levels below `root`. Empty when there is no root. */
export async function foldersBelow(root: string, depth: number): Promise<string[]> {
  if (depth === 0) return [root]
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] // removed meanwhile, or never made
    throw error
  })
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name))
  return (await Promise.all(folders.map((folder) => foldersBelow(folder, depth - 1)))).flat()
}

/** Removes a folder with all in it, and the parents below `root` that are empty then. */
export async function removeBelow(root: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  for (let parent = dirname(folder); parent.startsWith(`${root}/`); parent = dirname(parent)) {
    try {
      await rmdir(parent)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return
      if (code !== 'ENOENT') throw error
    }
  }
}
