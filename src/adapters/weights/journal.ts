import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import { errno } from './disk.js'

/** Whose part file it is: what lets an abandoned download be found again. */
const Journal = z.object({ repo: z.string(), commit: z.string(), path: z.string(), size: z.int() })
type Journal = z.infer<typeof Journal>

export const partPath = (folder: string, digest: string): string => join(folder, `${digest}.part`)
/** Which blocks of the part file are there. */
export const mapPath = (folder: string, digest: string): string => join(folder, `${digest}.map`)
/** What a program brings, whole. */
export const wholePath = (folder: string, digest: string): string => join(folder, `${digest}.whole`)
/** Where such a program works, until the file is whole. */
const programFolder = (folder: string, digest: string): string => `${wholePath(folder, digest)}.hf`
const journalPath = (folder: string, digest: string): string => join(folder, `${digest}.json`)

/** Written before the part file, and only by the holder of the blob's lock. */
export async function writeJournal(folder: string, { repo, commit }: PinnedModel, { path, size, digest }: ModelFile): Promise<void> {
  await writeFile(journalPath(folder, digest.hex), JSON.stringify({ repo, commit, path, size } satisfies Journal))
}

export async function removePart(folder: string, digest: string): Promise<void> {
  for (const path of [partPath, mapPath, wholePath, journalPath]) await rm(path(folder, digest), { force: true })
  await rm(programFolder(folder, digest), { recursive: true, force: true })
}

/** Digests of the part files of this model, and of those whose journal a kill left unreadable: nobody else would remove them. */
export async function partsOf(folder: string, model: Pick<PinnedModel, 'repo' | 'commit'>): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return []
    throw error
  })
  const digests = new Set(names.flatMap((name) => /^([0-9a-f]{40,64})\.(?:part|map|whole|whole\.hf|json)$/.exec(name)?.[1] ?? []))
  const ours: string[] = []
  for (const digest of digests) {
    const journal = await readJournal(folder, digest)
    if (journal === null || (journal.repo === model.repo && journal.commit === model.commit)) ours.push(digest)
  }
  return ours
}

async function readJournal(folder: string, digest: string): Promise<Journal | null> {
  try {
    return Journal.parse(JSON.parse(await readFile(journalPath(folder, digest), 'utf8')))
  } catch {
    return null // absent, torn or of another version: it says nothing
  }
}
