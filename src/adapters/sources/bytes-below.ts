import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes that the files below a folder take on disk. What goes while we look counts as nothing. */
export async function bytesBelow(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []) // gone
  const sizes = await Promise.all(names.map(async (name) => (await lstat(join(folder, name)).catch(() => null))?.blocks ?? 0)) // gone
  return sizes.reduce((sum, blocks) => sum + blocks * 512, 0)
}
