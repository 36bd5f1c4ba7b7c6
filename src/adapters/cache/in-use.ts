import { realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { InUse } from '../../domain/cache/protect.js'
import { repositoryOf } from './places.js'
import { orGone } from './stored-files.js'

/** Which revisions these paths lie in. A path that names a repository but no snapshot of it stands for all of its revisions. */
export function inUseOf(hubCache: string, paths: readonly string[]): InUse[] {
  const roots = [resolve(hubCache), realOf(hubCache)]
  const at = (path: string): InUse | null => roots.map((root) => revisionAt(relative(root, path))).find((found) => found !== null) ?? null
  return paths.flatMap((path) => {
    // As it was given; through links to its folder; at last what it itself is a link to, which is a blob where it is a file of a snapshot.
    const names = [() => resolve(path), () => join(realOf(dirname(path)), basename(path)), () => realOf(path)]
    return names.map((name) => at(name())).find((found) => found !== null) ?? []
  })
}

function realOf(path: string): string {
  return orGone(() => realpathSync(path)) ?? resolve(path)
}

function revisionAt(inside: string): InUse | null {
  const [folder = '', kind, commit = ''] = inside.split(sep)
  const known = repositoryOf(folder)
  if (known === null) return null
  return { repo: known.repo, commit: kind === 'snapshots' && /^[0-9a-f]{40}$/.test(commit) ? commit : null }
}
