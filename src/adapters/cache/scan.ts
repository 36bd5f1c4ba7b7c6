import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { DEAD_MS } from '../../domain/cache/protect.js'
import type { CacheScan, ScannedPartial } from '../../domain/cache/scan.js'
import { lockedDigests } from '../weights/blob-lock.js'
import { errno, partialsFolder, spaceAt } from '../weights/disk.js'
import type { CachePlaces } from './places.js'
import { isFree, pythonLockPath } from '../weights/python-lock.js'
import { scanPartials } from './scan-partials.js'
import { scanRepository, type FoundRepository } from './scan-repository.js'
import { isSharedStore, scanPayloads } from './scan-shared.js'
import { bytesOf, internFiles } from './stored-files.js'

/** Files beside the repositories that the hub's tools, or systems, leave. */
const IGNORED = new Set(['.locks', 'CACHEDIR.TAG', 'version.txt', '.DS_Store', 'Thumbs.db', 'desktop.ini', '.aim-partials'])

/**
 * Reads all that lies in a cache, whoever put it there; changes nothing. It stands in the way of nothing else for longer than one
 * repository takes.
 */
export async function scanCache(places: CachePlaces, now: number): Promise<CacheScan> {
  const { hubCache } = places
  const partials = await partialsFolder(places.partials, hubCache)
  const stored = internFiles()
  const found: FoundRepository[] = []
  const unknown: CacheScan['unknown'] = []
  const shared = isSharedStore(hubCache)
  for (const entry of await entriesOf(hubCache)) {
    const { name } = entry
    if (IGNORED.has(name) || (name === 'blobs' && shared)) continue
    const path = join(hubCache, name)
    try {
      const repository = entry.isDirectory() ? scanRepository(hubCache, name, stored) : null
      if (repository !== null) found.push(repository)
      else unknown.push({ path, bytes: bytesOf(path), why: 'is no folder of a repository' })
    } catch (error) {
      if (errno(error) !== 'EACCES') throw error
      unknown.push({ path, bytes: 0, why: 'cannot be read by this user' })
    }
    await yieldToOthers()
  }
  const locked = await lockedDigests(partials)
  const incomplete: ScannedPartial[] = []
  for (const each of found) incomplete.push(...(await incompleteOf(hubCache, each, now)))
  const { free, total } = await spaceAt(hubCache)
  return {
    repositories: found.map(({ repository }) => repository),
    payloads: shared ? scanPayloads(hubCache, stored) : [],
    partials: [...scanPartials(partials, locked), ...incomplete],
    locked,
    volume: { freeBytes: free, totalBytes: total },
    unknown: [...unknown, ...found.flatMap((each) => each.unknown)],
  }
}

/** Asking for Python's lock takes a program, so only those that may be dead are asked for. */
async function incompleteOf(hubCache: string, { repository, incomplete }: FoundRepository, now: number): Promise<ScannedPartial[]> {
  const partials: ScannedPartial[] = []
  for (const file of incomplete) {
    const mayBeDead = now - file.changedAt >= DEAD_MS
    partials.push({ ...file, live: mayBeDead && !(await isFree(lockOfIncomplete(hubCache, repository.folder, file.id))) })
  }
  return partials
}

/** A part file is `<etag>.<nonce>.incomplete`, its lock is named by the etag alone. */
export function lockOfIncomplete(hubCache: string, folder: string, id: string): string {
  const name = id.slice(id.lastIndexOf('/') + 1)
  return pythonLockPath(hubCache, folder, name.slice(0, name.indexOf('.')))
}

async function entriesOf(hubCache: string) {
  try {
    return await readdir(hubCache, { withFileTypes: true })
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw error
  }
}
