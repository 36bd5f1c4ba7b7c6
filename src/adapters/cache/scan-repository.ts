import { readFileSync, readlinkSync, type Dirent } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { ScannedBlob, ScannedFile, ScannedPartial, ScannedRepository, ScannedRevision } from '../../domain/cache/scan.js'
import { isDigest, payloadOf, repositoryOf } from './places.js'
import { bytesOf, facts, list, orGone, type StoredFiles } from './stored-files.js'

export type FoundRepository = {
  repository: ScannedRepository
  /** Files of Python's client that are not whole, and what nobody knows. */
  incomplete: Omit<ScannedPartial, 'live'>[]
  unknown: { path: string; bytes: number; why: string }[]
}

/** Files that systems leave everywhere, and folders that hold only notes of the hub's tools. */
const IGNORED = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini'])
const OWN_NOTES = new Set(['.no_exist', 'trees'])

/** Reads one `models--org--name`. */
export function scanRepository(hubCache: string, folder: string, stored: StoredFiles): FoundRepository | null {
  const known = repositoryOf(folder)
  if (known === null) return null
  const root = join(hubCache, folder)
  const found: FoundRepository = { repository: { ...known, folder, refs: {}, revisions: [], blobs: [] }, incomplete: [], unknown: [] }
  const { repository } = found
  const unknown = (path: string, why: string): void => void found.unknown.push({ path, bytes: bytesOf(path), why })

  const blobs = scanBlobs(hubCache, root, stored, found, unknown)
  for (const entry of list(join(root, 'snapshots'))) {
    const path = join(root, 'snapshots', entry.name)
    if (IGNORED.has(entry.name)) continue
    if (entry.isDirectory() && /^[0-9a-f]{40}$/.test(entry.name))
      repository.revisions.push(scanRevision(path, entry.name, root, blobs, stored, unknown))
    else unknown(path, 'is no snapshot of a commit')
  }
  scanRefs(join(root, 'refs'), '', repository.refs, unknown)
  for (const { name } of list(root)) {
    if (!['blobs', 'snapshots', 'refs'].includes(name) && !IGNORED.has(name) && !OWN_NOTES.has(name))
      unknown(join(root, name), 'is no part of a repository')
  }
  const linked = new Set(repository.revisions.flatMap(({ files }) => files.map(({ blob }) => blob)))
  for (const [name, blob] of blobs) {
    if (isDigest(name) || linked.has(name)) repository.blobs.push(blob)
    else unknown(join(root, 'blobs', name), 'is no blob that a digest names')
  }
  return found
}

type Unknown = (path: string, why: string) => void

function scanBlobs(
  hubCache: string,
  root: string,
  stored: StoredFiles,
  found: FoundRepository,
  unknown: Unknown,
): Map<string, ScannedBlob> {
  const blobs = new Map<string, ScannedBlob>()
  const { repo, folder } = found.repository
  for (const { name } of list(join(root, 'blobs'))) {
    const path = join(root, 'blobs', name)
    const own = facts(path)
    if (own === null || IGNORED.has(name)) continue
    if (own.isFile() && name.endsWith('.incomplete')) {
      const bytes = Math.min(own.size, own.blocks * 512) // it may be a file with holes
      found.incomplete.push({ id: `${folder}/blobs/${name}`, repo, commit: null, bytes, changedAt: Math.max(own.mtimeMs, own.ctimeMs) })
    } else if (own.isFile()) blobs.set(name, { name, file: stored(own), payload: null })
    else if (own.isSymbolicLink()) {
      const payload = payloadOf(hubCache, path)
      const target = payload === null ? null : facts(payload.path)
      if (payload === null || target?.isFile() !== true) unknown(path, 'is a link to something else than a shared blob')
      else blobs.set(name, { name, file: stored(target), payload: payload.hash })
    } else unknown(path, 'is no blob')
  }
  return blobs
}

function scanRevision(
  snapshot: string,
  commit: string,
  root: string,
  blobs: Map<string, ScannedBlob>,
  stored: StoredFiles,
  unknown: Unknown,
): ScannedRevision {
  const files: ScannedFile[] = []
  let changedAt = 0
  const walk = (inside: string): void => {
    const folder = join(snapshot, inside)
    changedAt = Math.max(changedAt, facts(folder)?.mtimeMs ?? 0)
    for (const entry of list(folder)) {
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`
      if (entry.isDirectory()) walk(path)
      else if (!IGNORED.has(entry.name)) addFile(entry, path)
    }
  }
  const addFile = (entry: Dirent, path: string): void => {
    const full = `${snapshot}/${path}`
    if (entry.isFile()) {
      const own = facts(full)
      if (own !== null) files.push({ path, blob: null, file: stored(own) })
      return
    }
    const blob = entry.isSymbolicLink() ? blobOfLink(full, path, root) : null
    if (blob === null) unknown(full, entry.isSymbolicLink() ? 'is a link that leads out of its repository' : 'is no file')
    else files.push({ path, blob, file: blobs.get(blob)?.file ?? null })
  }
  walk('')
  return { commit, changedAt, files }
}

/** The blob that a link of a snapshot names: `../../blobs/<name>`, more steps up from a folder; null for a link to anywhere else. */
function blobOfLink(link: string, path: string, root: string): string | null {
  const target = orGone(() => readlinkSync(link))
  if (target === null) return null
  const usual = `${'../'.repeat(path.split('/').length + 1)}blobs/`
  const name = target.startsWith(usual) ? target.slice(usual.length) : ''
  if (name !== '' && !name.includes('/') && !name.startsWith('.')) return name
  const full = resolve(dirname(link), target)
  return dirname(full) === join(root, 'blobs') ? full.slice(full.lastIndexOf('/') + 1) : null
}

/** `main`, and nested ones like `refs/pr/1`. */
function scanRefs(folder: string, inside: string, refs: Record<string, string>, unknown: Unknown): void {
  for (const entry of list(folder)) {
    const [path, name] = [join(folder, entry.name), inside + entry.name]
    if (IGNORED.has(entry.name)) continue
    if (entry.isDirectory()) scanRefs(path, `${name}/`, refs, unknown)
    else {
      const commit = entry.isFile() ? orGone(() => readFileSync(path, 'utf8'))?.trim() : ''
      if (commit === undefined) continue
      if (/^[0-9a-f]{40}$/.test(commit)) refs[name] = commit
      else unknown(path, 'names no commit')
    }
  }
}
