import { AimError, isAimError } from '../../contracts/errors.js'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import type { Hub } from '../../ports/hub.js'
import { tryLock, type BlobLock } from './blob-lock.js'
import { isWhole, storageFailure } from './disk.js'
import { partLength, partPath, removePart, writeJournal } from './journal.js'
import type { Layout } from './layout.js'
import { openPart, type PartFile } from './part-file.js'
import type { ProgressCount } from './progress.js'
import { linkFile, publishBlob } from './publish.js'
import { pause, withRetries, type RetryPolicy } from './retry.js'
import { transfer } from './transfer.js'

/** All that bringing one file of a model needs. */
export type Errand = {
  hub: Hub
  model: PinnedModel
  layout: Layout
  /** Folder of part files, journals and locks. */
  partials: string
  retry: RetryPolicy
  stallMs: number
  signal: AbortSignal
  progress: ProgressCount
}

/** How often a process that waits for another one's download looks, in ms. */
const LOOK_MS = 100
/** A file of wrong bytes is fetched once more; then the source is at fault. */
const MOST_MISMATCHES = 2

/** Brings one file into the snapshot. Of several callers, in any process, one fetches it; the others follow its progress and use its result. */
export async function bringFile(errand: Errand, file: ModelFile): Promise<void> {
  const { layout, partials, signal, progress } = errand
  const blob = layout.blob(file)
  try {
    while (!(await isWhole(layout.link(file), file.size)) && !(await isWhole(blob, file.size))) {
      signal.throwIfAborted()
      const lock = await tryLock(partials, file.digest.hex)
      if (lock === null) {
        progress.at(file, Math.min(file.size, await partLength(partials, file.digest.hex)))
        await pause(LOOK_MS * (0.5 + Math.random()), signal)
        continue
      }
      try {
        if (!(await isWhole(blob, file.size))) await fetchBlob(errand, file, lock)
      } finally {
        await lock.release()
      }
    }
    await linkFile(layout, file, partials)
  } catch (error) {
    throw await storageFailure(error, layout.repo, file.size)
  }
  progress.finished(file)
}

async function fetchBlob(errand: Errand, file: ModelFile, lock: BlobLock): Promise<void> {
  const { model, layout, partials, retry, signal } = errand
  await writeJournal(partials, model, file)
  const part = await openPart(partPath(partials, file.digest.hex), file, signal)
  let mismatches = 0
  try {
    await withRetries({
      policy: retry,
      signal,
      progress: () => part.length(),
      giveUp: () => mismatches >= MOST_MISMATCHES,
      async attempt() {
        await fetchRest(errand, file, part)
        const actual = part.digest()
        if (actual === file.digest.hex) return
        mismatches++
        await part.clear()
        throw new AimError('DigestMismatch', { file: file.path, expected: file.digest.hex, actual })
      },
    })
    await part.sync()
    if (!(await lock.held()))
      throw new AimError('Internal', { reason: `the lock of ${file.path} was lost, another process has taken over` })
    await publishBlob(partPath(partials, file.digest.hex), layout, file)
    await removePart(partials, file.digest.hex)
  } catch (error) {
    const failure = await storageFailure(error, layout.repo, file.size - part.length())
    // Neither wrong bytes nor a full disk leave anything behind; all else is continued later.
    if (isAimError(failure) && (failure.code === 'DigestMismatch' || failure.code === 'DiskFull'))
      await removePart(partials, file.digest.hex)
    throw failure
  } finally {
    await part.close()
  }
}

async function fetchRest({ hub, model, stallMs, signal, progress }: Errand, file: ModelFile, part: PartFile): Promise<void> {
  const start = part.length()
  progress.at(file, start)
  if (start === file.size) return
  let got = 0
  await transfer({
    hub,
    model,
    file,
    part,
    stallMs,
    signal,
    onBytes(bytes) {
      got += bytes
      progress.fetched(bytes)
      progress.at(file, start + got)
    },
  })
}
