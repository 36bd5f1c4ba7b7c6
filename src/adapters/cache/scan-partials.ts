import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { ScannedPartial } from '../../domain/cache/scan.js'
import { facts, list, orGone } from './stored-files.js'

/** Whose download it is, as its journal says. */
const Whose = z.object({ repo: z.string(), commit: z.string() })

/** Our own downloads that are not whole: all files `<digest>.*` of a folder are one. */
export function scanPartials(folder: string, locked: ReadonlySet<string>): ScannedPartial[] {
  const partials = new Map<string, ScannedPartial>()
  for (const name of filesOfPartials(folder)) {
    const digest = name.slice(0, name.indexOf('.'))
    const own = facts(join(folder, name))
    if (own === null) continue
    const known = partials.get(digest) ?? { id: digest, ...whoseIs(folder, digest), bytes: 0, changedAt: 0, live: locked.has(digest) }
    known.bytes += Math.min(own.size, own.blocks * 512) // it may be a file with holes
    known.changedAt = Math.max(known.changedAt, own.mtimeMs, own.ctimeMs)
    partials.set(digest, known)
  }
  return [...partials.values()]
}

/** Names of the files of one download, or of all; locks are no part of them. */
export function filesOfPartials(folder: string, digest?: string): string[] {
  const names = list(folder).flatMap((entry) => (entry.isFile() ? [entry.name] : []))
  return names.filter((name) => {
    const [, own] = /^([0-9a-f]{64}|[0-9a-f]{40})\.[a-z]+$/.exec(name) ?? []
    return own !== undefined && (digest === undefined || own === digest)
  })
}

function whoseIs(folder: string, digest: string): { repo: string | null; commit: string | null } {
  const text = orGone(() => readFileSync(join(folder, `${digest}.json`), 'utf8'))
  try {
    return Whose.parse(JSON.parse(text ?? ''))
  } catch {
    return { repo: null, commit: null } // absent, torn or of another version
  }
}
