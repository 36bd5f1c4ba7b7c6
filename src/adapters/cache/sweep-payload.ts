import { chmod, open, rename, rm } from 'node:fs/promises'
import { payloadPath } from './places.js'
import { tryPythonLock } from '../weights/python-lock.js'
import { referencesOf } from './scan-shared.js'

/**
 * Removes a file that repositories shared when its own list names no link to it any more, under its own lock, as the hub's Python client
 * does; else takes the dead links off that list. The answer is why it stays; null: it is gone, or others use it rightly.
 */
export async function sweepPayload(hubCache: string, hash: string): Promise<string | null> {
  const path = payloadPath(hubCache, hash)
  const lock = await tryPythonLock(`${path}.lock`, { create: true })
  if (typeof lock !== 'object') return 'another program has the shared file behind it locked'
  try {
    const references = referencesOf(hubCache, hash)
    if (references === null) return 'the shared file behind it does not say who else uses it'
    if (references.length > 0) await rewrite(`${path}.refs`, references)
    else {
      await rm(path, { force: true })
      await rm(`${path}.refs`, { force: true })
    }
    return null
  } finally {
    await lock.release()
  }
}

/** In one step: a list that is read half means that a file in use may go. */
async function rewrite(file: string, lines: string[]): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  const handle = await open(temporary, 'w', 0o666)
  try {
    await handle.writeFile(
      lines
        .toSorted()
        .map((line) => `${line}\n`)
        .join(''),
    )
    await handle.sync()
  } finally {
    await handle.close()
  }
  await chmod(temporary, 0o666)
  await rename(temporary, file)
}
