import { lstatSync, readdirSync, type Dirent, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { StoredFile } from '../../domain/cache/scan.js'
import { errno } from '../weights/disk.js'

/** Gives the same object for the same file on disk, whatever its name. */
export type StoredFiles = (facts: Stats) => StoredFile

export function internFiles(): StoredFiles {
  const known = new Map<string, StoredFile>()
  return (facts) => {
    const inode = `${facts.dev}:${facts.ino}`
    const found = known.get(inode)
    if (found !== undefined) return found
    // A new hard link or name changes ctime alone.
    const file = { bytes: facts.size, links: facts.nlink, readAt: facts.atimeMs, changedAt: Math.max(facts.mtimeMs, facts.ctimeMs) }
    known.set(inode, file)
    return file
  }
}

/** In the order of names. Empty where there is no such folder (any more). */
export function list(folder: string): Dirent[] {
  return orGone(() => readdirSync(folder, { withFileTypes: true })) ?? []
}

/** Facts of the name itself, not of what it may link to; null when it is gone. */
export function facts(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null
}

/** Others work in the cache while it is read: what went away meanwhile is no failure. */
export function orGone<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return null
    throw error
  }
}

/** Most entries that are counted of something that nobody knows. */
const MOST_COUNTED = 2_000

/** Bytes of a file or a folder, links not followed; at least those of its first 2,000 entries. */
export function bytesOf(path: string): number {
  let bytes = 0
  const paths = [path]
  for (let count = 0; count < MOST_COUNTED; count++) {
    const next = paths.pop()
    if (next === undefined) break
    const found = facts(next)
    if (found?.isFile()) bytes += found.size
    if (found?.isDirectory()) paths.push(...listReadable(next).map(({ name }) => join(next, name)))
  }
  return bytes
}

/** What is nobody's that we know may be closed to us too. */
function listReadable(folder: string): Dirent[] {
  try {
    return list(folder)
  } catch {
    return []
  }
}
