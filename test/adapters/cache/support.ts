import { createHash } from 'node:crypto'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { createLedger, type Ledger } from '../../../src/adapters/cache/ledger.js'
import { createModelCache, type LocalModelCache } from '../../../src/adapters/cache/create-model-cache.js'
import type { PruneRequest } from '../../../src/contracts/cache.js'
import type { PruneReport } from '../../../src/domain/cache/prune.js'
import type { Refetch } from '../../../src/adapters/cache/repair-blob.js'
import { temporaryFolder } from '../../support/sample-model.js'

export const commitOf = (n: number): string => n.toString(16).repeat(40).slice(0, 40)
export const digestOf = (content: string): string => createHash('sha256').update(content).digest('hex')
export const DAY = 86_400_000

/** A cache on disk, in a folder of its own, ten days older than the clock that it is looked at with. */
export type TestCache = {
  hubCache: string
  partials: string
  ledger: Ledger
  cache: Omit<LocalModelCache, 'prune' | 'evictableBytes'> & {
    prune(request: PruneRequest, inUse: string[]): Promise<PruneReport>
    evictableBytes(inUse: string[]): Promise<number>
  }
  /** The cache itself, for who tells it anew what engines use. */
  local: LocalModelCache
  /** Writes files of a revision as the hub's clients do; the same content is the same blob. Returns the snapshot. */
  revision(folder: string, n: number, files: Record<string, string>): Promise<string>
  ref(folder: string, name: string, n: number): Promise<void>
  write(path: string, content?: string): Promise<string>
  remove(): Promise<void>
}

export async function createTestCache(options: { refetch?: Refetch; now?: () => number } = {}): Promise<TestCache> {
  const home = await temporaryFolder()
  const [hubCache, partials] = [join(home.path, 'hub'), join(home.path, 'aim', 'partials')]
  await mkdir(hubCache)
  const ledger = createLedger({ folder: join(home.path, 'aim', 'ledger') })
  const refetch = options.refetch ?? (() => Promise.reject(new Error('there is no hub')))
  const cache = createModelCache({ hubCache, partials, ledger, refetch, now: options.now ?? (() => Date.now() + 10 * DAY) })

  async function write(path: string, content = ''): Promise<string> {
    const full = join(home.path, path)
    await mkdir(dirname(full), { recursive: true })
    await writeFile(full, content)
    return full
  }
  return {
    hubCache,
    partials,
    ledger,
    cache: {
      ...cache,
      prune: (request, inUse) => cache.prune(request, async () => inUse),
      evictableBytes: (inUse) => cache.evictableBytes(async () => inUse),
    },
    local: cache,
    write,
    async revision(folder, n, files) {
      const snapshot = join(hubCache, folder, 'snapshots', commitOf(n))
      await mkdir(snapshot, { recursive: true })
      for (const [path, content] of Object.entries(files)) {
        const blob = await write(join('hub', folder, 'blobs', digestOf(content)), content)
        await mkdir(dirname(join(snapshot, path)), { recursive: true })
        await symlink(relative(dirname(join(snapshot, path)), blob), join(snapshot, path))
      }
      return snapshot
    },
    ref: async (folder, name, n) => void (await write(join('hub', folder, 'refs', name), commitOf(n))),
    remove: home.remove,
  }
}

/** Moves a blob into the store that repositories share, as the hub's Python client does. */
export async function shareBlob(hubCache: string, content: string, folders: string[], listed = folders): Promise<string> {
  const hash = digestOf(`xet ${content}`)
  const payload = join(hubCache, 'blobs', hash.slice(0, 2), hash)
  await mkdir(dirname(payload), { recursive: true })
  await writeFile(join(hubCache, 'blobs', '.huggingface-shared-blobs'), '1\n')
  await writeFile(payload, content, { mode: 0o444 })
  await writeFile(`${payload}.refs`, listed.map((folder) => `${folder}/blobs/${digestOf(content)}\n`).join(''))
  await writeFile(`${payload}.lock`, '')
  for (const folder of folders) {
    const blob = join(hubCache, folder, 'blobs', digestOf(content))
    await rm(blob, { force: true })
    await symlink(relative(dirname(blob), payload), blob)
  }
  return payload
}
