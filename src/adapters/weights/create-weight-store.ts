import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AimError, isAimError } from '../../contracts/errors.js'
import type { ModelFile, PinnedModel, Weights } from '../../contracts/model.js'
import type { Hub } from '../../ports/hub.js'
import type { WeightStore } from '../../ports/weight-store.js'
import { tryLock } from './blob-lock.js'
import { bringFile } from './bring-file.js'
import { headroom, isWhole, partialsFolder, removeIfEmpty, spaceAt, storageFailure } from './disk.js'
import { inParallel } from './in-parallel.js'
import { partLength, partsOf, removePart } from './journal.js'
import { layoutOf, requireValidFiles, type Layout } from './layout.js'
import { countProgress } from './progress.js'
import { syncLinks, writeRef } from './publish.js'
import { DEFAULT_RETRY, type RetryPolicy } from './retry.js'

export type WeightStoreOptions = {
  hub: Hub
  /** Folder of `models--org--name` folders, as in HF_HUB_CACHE. */
  hubCache: string
  /** Folder for what is not whole yet; on the same file system, outside the cache. */
  partials: string
  /** Longest time without a byte before a connection is given up, in ms. */
  stallMs?: number
  /** Files brought at the same time. */
  parallel?: number
  retry?: Partial<RetryPolicy>
}

/** The weights of this node in a standard Hugging Face cache, which Python's tools and every engine read as it is. */
export function createWeightStore(options: WeightStoreOptions): WeightStore {
  const { hub, hubCache, stallMs = 60_000, parallel = 4 } = options
  const retry = { ...DEFAULT_RETRY, ...options.retry }

  const find: WeightStore['find'] = async (model, files) => {
    requireValidFiles(files)
    const layout = layoutOf(hubCache, model)
    const whole = await Promise.all(files.map((file) => isWhole(layout.link(file), file.size)))
    return whole.every(Boolean) ? weights(model, layout, files, 0) : null
  }

  const ensure: WeightStore['ensure'] = async (model, files, { signal, onProgress }) => {
    requireValidFiles(files)
    signal?.throwIfAborted()
    const layout = layoutOf(hubCache, model)
    const partials = await partialsFolder(options.partials, hubCache)
    const progress = countProgress(files, onProgress)
    let succeeded = false
    try {
      await requireSpace(layout, files, partials)
      await inParallel(files, parallel, signal, (file, signal) =>
        bringFile({ hub, model, layout, partials, retry, stallMs, signal, progress }, file),
      )
      if (progress.fetchedBytes() > 0) await syncLinks(layout, files)
      await recordRef(model, layout, partials, progress.fetchedBytes())
      succeeded = true
    } catch (error) {
      const failure = await storageFailure(error, layout.repo, 0)
      if (isAimError(failure) && failure.code === 'DiskFull') await discardPartial(model)
      throw failure
    } finally {
      progress.end(succeeded)
      await removeIfEmpty(partials)
    }
    return weights(model, layout, files, progress.fetchedBytes())
  }

  /** Before the first byte, so that nobody's disk is filled for nothing. Counts what other downloads leave free at this moment. */
  async function requireSpace(layout: Layout, files: ModelFile[], partials: string): Promise<void> {
    const missing = new Map<string, number>()
    for (const file of files) {
      if ((await isWhole(layout.link(file), file.size)) || (await isWhole(layout.blob(file), file.size))) continue
      missing.set(file.digest.hex, Math.max(0, file.size - (await partLength(partials, file.digest.hex))))
    }
    if (missing.size === 0) return
    const { free, total } = await spaceAt(hubCache)
    const needed = [...missing.values()].reduce((sum, bytes) => sum + bytes, headroom(total))
    if (needed > free) throw new AimError('DiskFull', { path: hubCache, needed, free })
  }

  const discardPartial: WeightStore['discardPartial'] = async (model) => {
    const layout = layoutOf(hubCache, model)
    const partials = await partialsFolder(options.partials, hubCache)
    for (const digest of await partsOf(partials, model)) {
      const lock = await tryLock(partials, digest)
      if (lock === null) continue // somebody is bringing it now
      try {
        await removePart(partials, digest)
      } finally {
        await lock.release()
      }
    }
    await removeIfEmpty(partials)
    await removeEmptyFolders(layout.snapshot)
    for (const folder of [layout.snapshots, layout.blobs, layout.refs, layout.repo]) await removeIfEmpty(folder)
  }

  return { find, ensure, discardPartial }
}

async function recordRef(model: PinnedModel, layout: Layout, partials: string, fetchedBytes: number): Promise<void> {
  try {
    await writeRef(layout, model, partials)
  } catch (error) {
    const failure = await storageFailure(error, layout.repo, 0)
    // A read-only cache that holds every file serves as well without the ref.
    if (fetchedBytes > 0 || !isAimError(failure) || failure.code !== 'CacheUnwritable') throw failure
  }
}

function weights(model: Pick<PinnedModel, 'repo' | 'commit'>, layout: Layout, files: ModelFile[], fetchedBytes: number): Weights {
  const bytes = files.reduce((sum, file) => sum + file.size, 0)
  return {
    repo: model.repo,
    commit: model.commit,
    path: layout.snapshot,
    bytes,
    fetchedBytes,
    sources: {},
    cache: fetchedBytes === 0 ? 'hit' : 'miss',
  }
}

async function removeEmptyFolders(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []) // absent
  for (const entry of entries) if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name))
  await removeIfEmpty(folder)
}
