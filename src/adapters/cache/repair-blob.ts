import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ScannedRepository } from '../../domain/cache/scan.js'
import type { VerifyReport } from '../../domain/cache/verify.js'
import type { CachePlaces } from './places.js'
import { withBlobLocks } from './remove-blob.js'

/** Brings one file of a model again, verified. */
export type Refetch = (repo: string, commit: string, path: string, signal?: AbortSignal) => Promise<void>

type Wrong = { repository: ScannedRepository; commit: string; path: string; digest: string }
type Repaired = Pick<VerifyReport['bad'][number], 'state' | 'why'>

/** Removes a blob of wrong bytes and brings it again. A wrong file that cannot be had again stays away: absent is better than wrong. */
export async function repairBlob(
  { places, refetch }: { places: CachePlaces; refetch: Refetch },
  wrong: Wrong,
  signal?: AbortSignal,
): Promise<Repaired> {
  const { repository, commit, path, digest } = wrong
  if (repository.type !== 'model') return { state: 'wrong', why: `a ${repository.type} is not fetched by us: its own tools can` }
  const busy = await withBlobLocks(places, repository.folder, digest, async () => {
    await rm(join(places.hubCache, repository.folder, 'blobs', digest), { force: true })
    return null
  })
  if (busy !== null) return { state: 'wrong', why: busy }
  try {
    await refetch(repository.repo, commit, path, signal)
    return { state: 'repaired', why: null }
  } catch (error) {
    signal?.throwIfAborted()
    return { state: 'removed', why: (error as Error).message }
  }
}
