import { AimError, isAimError } from '../../contracts/errors.js'
import type { ModelFile } from '../../contracts/model.js'
import type { WeightSource } from '../../ports/weight-source.js'
import { tryLock, type BlobLock } from './blob-lock.js'
import { bringByProgram, type Brought } from './bring-by-program.js'
import { isWhole, storageFailure } from './disk.js'
import type { Errand } from './errand.js'
import { mapPath, partPath, removePart, writeJournal } from './journal.js'
import { memoryPart, SMALL_BYTES } from './memory-part.js'
import { bytesInMap, openPart, type PartFile } from './part-file.js'
import { bytesOfPython, tryPythonLock } from './python-lock.js'
import { linkFile, publishBlob } from './publish.js'
import { pause } from './transfer/retry.js'

/** How often a process that waits for another one's download looks, in ms. */
const LOOK_MS = 100
/** Where there is no other source, a file of wrong bytes is fetched once more. */
const MOST_MISMATCHES = 2

/** Brings one file into the snapshot. Of several callers, in any process, one fetches it; the others follow its progress and use its result. */
export async function bringFile(errand: Errand, file: ModelFile): Promise<void> {
  const { layout, partials, signal, progress } = errand
  const blob = layout.blob(file)
  try {
    // Once more when a cleanup took the blob after it was seen, and before its link was.
    do {
      while (!(await isWhole(layout.link(file), file.size)) && !(await isWhole(blob, file.size))) {
        signal.throwIfAborted()
        if (await fetchAsOnlyOne(errand, file)) break
        const bytes = await bytesOfAnother(errand, file)
        progress.follow(file, () => bytes)
        await pause(LOOK_MS * (0.5 + Math.random()), signal)
      }
      await linkFile(layout, file, partials)
    } while (!(await isWhole(layout.link(file), file.size)) && !(await isWhole(blob, file.size)))
  } catch (error) {
    throw await storageFailure(error, layout.repo, file.size)
  }
  progress.finished(file)
}

/** Fetches a file under the locks of its blob, our own and Python's; false when another process has one of them. */
async function fetchAsOnlyOne(errand: Errand, file: ModelFile): Promise<boolean> {
  const { layout, partials } = errand
  const lock = await tryLock(partials, file.digest.hex)
  if (lock === null) return false
  try {
    // A small file is written whole and in one step, whoever does it.
    const python = file.size > SMALL_BYTES ? await tryPythonLock(layout.pythonLock(file), { create: true }) : 'unknown'
    if (python === 'held') return false
    try {
      if (!(await isWhole(layout.blob(file), file.size))) await fetchBlob(errand, file, lock)
      return true
    } finally {
      if (typeof python === 'object') await python.release()
    }
  } finally {
    await lock.release()
  }
}

async function bytesOfAnother({ layout, partials }: Errand, { digest, size }: ModelFile): Promise<number> {
  const ours = await bytesInMap(mapPath(partials, digest.hex), size)
  return ours > 0 ? ours : Math.min(size, await bytesOfPython(layout.blobs, digest.hex))
}

async function fetchBlob(errand: Errand, file: ModelFile, lock: BlobLock): Promise<void> {
  const { layout, partials, durable } = errand
  const part = await openFor(errand, file)
  try {
    const brought = await bring(errand, file, part)
    await brought.persist(durable)
    if (!(await lock.held()))
      throw new AimError('Internal', { reason: `the lock of ${file.path} was lost, another process has taken over` })
    await publishBlob(brought.path, layout, file)
    if (file.size > SMALL_BYTES) await removePart(partials, file.digest.hex) // a small one has nothing but its part
  } catch (error) {
    const failure = await storageFailure(error, layout.repo, file.size - part.extents.bytes())
    // Neither wrong bytes nor a full disk leave anything behind; all else is continued later.
    if (isAimError(failure) && (failure.code === 'DigestMismatch' || failure.code === 'DiskFull'))
      await removePart(partials, file.digest.hex)
    throw failure
  } finally {
    await part.close()
  }
}

async function openFor({ model, partials, hashes }: Errand, file: ModelFile): Promise<PartFile> {
  const { hex } = file.digest
  if (file.size <= SMALL_BYTES) return memoryPart(partPath(partials, hex), file)
  await writeJournal(partials, model, file)
  return openPart(partPath(partials, hex), mapPath(partials, hex), file, hashes)
}

async function bring(errand: Errand, file: ModelFile, part: PartFile): Promise<Brought> {
  try {
    await fetchVerified(errand, file, part)
    return part
  } catch (error) {
    return bringByProgram(errand, file, error)
  }
}

/** Fetches until the digest is right. Wrong bytes are dropped whole: nobody can tell which of them are wrong. */
async function fetchVerified(errand: Errand, file: ModelFile, part: PartFile): Promise<void> {
  let sources = errand.sources
  let mismatches = 0
  for (;;) {
    // What another process or a power cut left is not held against the source.
    const isOwnWork = !part.resumed()
    errand.signal.throwIfAborted()
    const used = await fetchRest({ ...errand, sources }, file, part)
    const actual = await part.digest()
    if (actual === file.digest.hex) return
    await part.clear()
    if (!isOwnWork) continue
    // Of several, the first is not asked again: the next try shows whether it was that one.
    const [blamed] = used
    const others = sources.filter((source) => source !== blamed)
    if (blamed !== undefined && others.length > 0) sources = others
    else mismatches += 1 // also an empty file, which nobody brought: its listing is wrong
    if (mismatches === MOST_MISMATCHES) throw new AimError('DigestMismatch', { file: file.path, expected: file.digest.hex, actual })
  }
}

/** Fetches what the part lacks; answers the sources that it came from. */
async function fetchRest(errand: Errand, file: ModelFile, part: PartFile): Promise<Set<WeightSource>> {
  const { model, sources, pool, pace, retry, stallMs, signal, progress } = errand
  const used = new Set<WeightSource>()
  progress.follow(file, () => part.extents.bytes())
  await pool.bring({
    model,
    file,
    part,
    sources,
    retry,
    stallMs,
    pace,
    signal,
    onBytes(bytes, source) {
      used.add(source)
      progress.fetched(file, bytes, source)
    },
  })
  return used
}
