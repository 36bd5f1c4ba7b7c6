import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** Where a whole file of the cache lies, without links; null: it is not here. */
export type FindBlob = (hex: string) => Promise<string | null>

/** A blob that is not whole has a longer name. sha256 for large files, git's sha1 for small ones. */
const BLOB_NAME = /^(?:[0-9a-f]{64}|[0-9a-f]{40})$/
const REPOSITORY = /^(?:models|datasets|spaces)--/

/**
 * Finds blobs by digest in a cache that others change at the same time: `<cache>/<repository>/blobs/<hex>`. Only regular files inside the
 * cache count, and links to such, as the hub's shared blobs are.
 */
export function createBlobs(cache: string): FindBlob {
  const known = new Map<string, string>()
  let looking: Promise<void> | null = null

  async function look(): Promise<void> {
    for (const repository of (await namesIn(cache)).filter((name) => REPOSITORY.test(name))) {
      const folder = join(cache, repository, 'blobs')
      for (const name of await namesIn(folder)) if (BLOB_NAME.test(name)) known.set(name, join(folder, name))
    }
  }

  async function resolve(hex: string): Promise<string | null> {
    const path = known.get(hex)
    const real = path === undefined ? null : await insidePath(cache, path)
    if (real === null) known.delete(hex)
    return real
  }

  return async (hex) => {
    if (!BLOB_NAME.test(hex)) return null
    const found = await resolve(hex)
    if (found !== null) return found
    looking ??= look().finally(() => (looking = null))
    await looking
    return resolve(hex)
  }
}

/** The file behind a path when it is one, inside the cache; else null. */
async function insidePath(cache: string, path: string): Promise<string | null> {
  try {
    const [root, real] = await Promise.all([realpath(cache), realpath(path)])
    return real.startsWith(root + sep) && (await stat(real)).isFile() ? real : null
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (isAbsence(error)) return []
    throw error
  })
}

/** Nothing there, a link to nothing or in a circle, or a file where a folder was looked for. */
function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')
}
