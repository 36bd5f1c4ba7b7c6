import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AimError, isAimError } from '../../contracts/errors.js'
import type { ModelFile, PinnedModel, Weights } from '../../contracts/model.js'
import type { CacheLedger } from '../../ports/cache-ledger.js'
import type { Peer, WeightSource, WholeFileSource } from '../../ports/weight-source.js'
import type { WeightStore } from '../../ports/weight-store.js'
import { tryLock } from './blob-lock.js'
import { bringFile } from './bring-file.js'
import type { Machinery } from './errand.js'
import { isWhole, partialsFolder, removeIfEmpty, storageFailure } from './disk.js'
import { inParallel } from './in-parallel.js'
import { mapPath, partsOf, removePart } from './journal.js'
import { layoutOf, requireValidFiles, type Layout } from './layout.js'
import { SMALL_BYTES } from './memory-part.js'
import { removeOvertaken } from './overtaken.js'
import { bytesInMap } from './part-file.js'
import { countProgress, type ProgressCount } from './progress.js'
import { syncNames, writeRef } from './publish.js'
import { reserve, type Reservation } from './reservation.js'
import { claiming } from './revision-lock.js'
import { createHashThreads } from './transfer/hash-threads.js'
import { createPace } from './transfer/pace.js'
import { DEFAULT_PARTS, type PartTuning } from './transfer/part-tuning.js'
import { createPool } from './transfer/pool.js'
import { DEFAULT_RETRY, type RetryPolicy } from './transfer/retry.js'

export type WeightStoreOptions = {
  /** Where bytes may come from, best first, given the nodes that may hold them. */
  sources: (peers: Peer[]) => WeightSource[]
  /** Programs that bring whole files, tried when every source failed. */
  programs?: WholeFileSource[]
  /** Folder of `models--org--name` folders, as in HF_HUB_CACHE. */
  hubCache: string
  /** Folder for what is not whole yet; on the same file system, outside the cache. */
  partials: string
  ledger?: CacheLedger
  /** What an eviction could free, in bytes: told when a disk is too full. */
  evictableBytes?: () => Promise<number>
  /** Longest time without a byte before a connection is given up, in ms. */
  stallMs?: number
  /** Most connections of all downloads together. */
  connections?: number
  /** Whether a file is on the disk itself, and not only in the system's memory, before it is published. */
  durable?: boolean
  retry?: Partial<RetryPolicy>
  parts?: Partial<PartTuning>
}

/** Files that are looked at, opened and published side by side; how many of them move bytes is the pool's to say. */
const FILES_AT_ONCE = 16
const RESERVATION_MS = 1_000

/** The weights of this node in a standard Hugging Face cache, which Python's tools and every engine read as it is. */
export function createWeightStore(options: WeightStoreOptions): WeightStore {
  const { hubCache, ledger, programs = [], stallMs = 60_000, connections = 16, durable = true, evictableBytes = async () => 0 } = options
  const hashes = createHashThreads()
  const machinery: Machinery = {
    hashes,
    pool: createPool({ most: connections, files: hashes.count, parts: { ...DEFAULT_PARTS, ...options.parts } }),
    pace: createPace(),
    retry: { ...DEFAULT_RETRY, ...options.retry },
    stallMs,
    durable,
  }

  const find: WeightStore['find'] = async (model, files) => {
    requireValidFiles(files)
    const layout = layoutOf(hubCache, model)
    const whole = await Promise.all(files.map((file) => isWhole(layout.link(file), file.size)))
    return whole.every(Boolean) ? weights(model, layout, files, null) : null
  }

  const ensure: WeightStore['ensure'] = async (model, files, { signal, onProgress, peers = [], endpoint = null }) => {
    requireValidFiles(files)
    signal?.throwIfAborted()
    const began = performance.now()
    const layout = layoutOf(hubCache, model)
    const partials = await partialsFolder(options.partials, hubCache)
    const progress = countProgress(files, onProgress)
    const sources = options.sources(peers)
    let room: Reservation | null = null
    let begun = false
    let succeeded = false
    try {
      room = await reserveFor(layout, files, partials, progress)
      begun = true
      await inParallel(files, FILES_AT_ONCE, signal, (file, signal) =>
        bringFile({ ...machinery, sources, programs, model, layout, partials, signal, progress }, file),
      )
      if (durable && progress.fetchedBytes() > 0) await syncNames(layout, files)
      await recordRef(model, layout, partials, progress.fetchedBytes())
      await removeOvertaken(partials, model, layout, files).catch(() => {}) // only tidies up: on a read-only disk it stays
      succeeded = true
    } catch (error) {
      const failure = await storageFailure(error, layout.repo, 0)
      if (!signal?.aborted) await ledger?.append({ kind: 'failed', at: now(), ...revisionOf(model), code: codeOf(failure) })
      // A refusal before the first byte takes nothing of what came earlier.
      if (begun && isAimError(failure) && failure.code === 'DiskFull') await discardPartial(model)
      throw await withEvictable(failure)
    } finally {
      progress.end(succeeded)
      await room?.release()
      await removeIfEmpty(partials)
      await record(model, progress, performance.now() - began)
    }
    const result = weights(model, layout, files, progress)
    const { repo, commit, cache, bytes, fetchedBytes } = result
    const outcome = cache === 'hit' && progress.waited() ? 'followed' : cache
    const ms = Math.round(performance.now() - began)
    await ledger?.append({ kind: 'asked', at: now(), repo, commit, endpoint, outcome, bytes, fetchedBytes, ms })
    return result
  }

  async function withEvictable(failure: unknown): Promise<unknown> {
    if (!isAimError(failure) || failure.code !== 'DiskFull') return failure
    return new AimError('DiskFull', { ...failure.details, evictable: await evictableBytes() }, { cause: failure })
  }

  /** Before the first byte, so that nobody's disk is filled for nothing. What came before stays: room may be made for the rest. */
  async function reserveFor(layout: Layout, files: ModelFile[], partials: string, progress: ProgressCount): Promise<Reservation | null> {
    const missing = new Map<string, number>()
    for (const file of files) {
      if ((await isWhole(layout.link(file), file.size)) || (await isWhole(layout.blob(file), file.size))) continue
      const here = file.size > SMALL_BYTES ? await bytesInMap(mapPath(partials, file.digest.hex), file.size) : 0
      missing.set(file.digest.hex, file.size - here)
    }
    if (missing.size === 0) return null
    const room = await reserve(partials, hubCache, missing)
    const timer = setInterval(() => {
      room.shrink(progress.fetchedBytes()).catch(() => clearInterval(timer)) // a full disk: the download itself says so
    }, RESERVATION_MS)
    return {
      ...room,
      release() {
        clearInterval(timer)
        return room.release()
      },
    }
  }

  /** Also what came before a failure: it is here, and verified. */
  async function record(model: PinnedModel, progress: ProgressCount, ms: number): Promise<void> {
    if (progress.fetchedBytes() === 0) return
    const files = progress.fetchedFiles()
    await ledger?.append({ kind: 'fetched', at: now(), ...revisionOf(model), files, sources: progress.bySource(), ms: Math.round(ms) })
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

  return { find, ensure: claiming(options.partials, hubCache, ensure), discardPartial }
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

function weights(
  model: Pick<PinnedModel, 'repo' | 'commit'>,
  layout: Layout,
  files: ModelFile[],
  progress: Pick<ProgressCount, 'fetchedBytes' | 'bySource'> | null,
): Weights {
  const bytes = files.reduce((sum, file) => sum + file.size, 0)
  const fetchedBytes = progress?.fetchedBytes() ?? 0
  return {
    repo: model.repo,
    commit: model.commit,
    path: layout.snapshot,
    bytes,
    fetchedBytes,
    sources: progress?.bySource() ?? {},
    cache: fetchedBytes === 0 ? 'hit' : 'miss',
  }
}

async function removeEmptyFolders(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []) // absent
  for (const entry of entries) if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name))
  await removeIfEmpty(folder)
}

const revisionOf = ({ repo, commit }: PinnedModel): Pick<PinnedModel, 'repo' | 'commit'> => ({ repo, commit })
const codeOf = (error: unknown): string => (isAimError(error) ? error.code : 'Internal')
const now = (): string => new Date().toISOString()
