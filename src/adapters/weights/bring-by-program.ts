import { open, rm, stat } from 'node:fs/promises'
import { AimError, isAimError, type ErrorCode } from '../../contracts/errors.js'
import type { ModelFile } from '../../contracts/model.js'
import type { Errand } from './errand.js'
import { wholePath } from './journal.js'

/** A verified file that waits for its name in the cache. */
export type Brought = { path: string; persist(durable: boolean): Promise<void> }

/** What a client of another kind may still get through: a hub that refuses, refuses it as well. */
const PASSABLE: ReadonlySet<ErrorCode> = new Set(['TransferStalled', 'HubUnreachable', 'HubProtocol', 'NotHere'])

/**
 * The last resort after `failure`: a program that brings the file in its own way, verified all the same. Rethrows `failure` where there is none or
 * it fails as well.
 */
export async function bringByProgram(errand: Errand, file: ModelFile, failure: unknown): Promise<Brought> {
  if (!isAimError(failure) || !PASSABLE.has(failure.code)) throw failure
  const path = wholePath(errand.partials, file.digest.hex)
  for (const program of errand.programs) {
    if (!(await program.available())) continue
    try {
      await program.bring(errand.model, file, path, errand.signal)
    } catch (error) {
      errand.signal.throwIfAborted()
      if (isAimError(error)) continue // the first failure says more than that of the last resort
      throw error
    }
    errand.progress.fetched(file, (await stat(path)).size, program)
    await requireDigest(errand, file, path)
    return { path, persist: (durable) => persist(path, durable) }
  }
  throw failure
}

async function requireDigest({ hashes }: Errand, file: ModelFile, path: string): Promise<void> {
  const { size } = await stat(path)
  const hash = hashes.follow(path, file)
  const actual = size === file.size ? await hash.digest() : `${size} bytes`
  hash.drop()
  if (actual === file.digest.hex) return
  await rm(path)
  throw new AimError('DigestMismatch', { file: file.path, expected: file.digest.hex, actual })
}

async function persist(path: string, durable: boolean): Promise<void> {
  if (!durable) return
  const handle = await open(path)
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}
