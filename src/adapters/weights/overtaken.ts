import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import { tryLock } from './blob-lock.js'
import { isWhole } from './disk.js'
import { partsOf, removePart } from './journal.js'
import type { Layout } from './layout.js'

/** Removes what a dead download left of files that somebody else, Python for one, has brought meanwhile: nobody would continue it. */
export async function removeOvertaken(partials: string, model: PinnedModel, layout: Layout, files: ModelFile[]): Promise<void> {
  for (const digest of await partsOf(partials, model)) {
    const file = files.find((candidate) => candidate.digest.hex === digest)
    if (file === undefined || !(await isWhole(layout.blob(file), file.size))) continue
    const lock = await tryLock(partials, digest)
    if (lock === null) continue // somebody else is at it
    await removePart(partials, digest)
    await lock.release()
  }
}
