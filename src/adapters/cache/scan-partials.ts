import { readFileSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { ScannedPartial } from '../../domain/cache/scan.js'
import { facts, list, orGone } from './stored-files.js'

/** Whose download it is, as its journal says. */
const Whose = z.object({ repo: z.string(), commit: z.string() })

/** Our own downloads that are not whole: all files `<digest>.*` of a folder are one, with the folder that a program works in. */
export function scanPartials(folder: string, locked: ReadonlySet<string>): ScannedPartial[] {
  const partials = new Map<string, ScannedPartial>()
  for (const name of filesOfPartials(folder)) {
    const digest = name.slice(0, name.indexOf('.'))
    const found = factsBelow(join(folder, name))
    if (found.length === 0) continue
    const known = partials.get(digest) ?? { id: digest, ...whoseIs(folder, digest), bytes: 0, changedAt: 0, live: locked.has(digest) }
    for (const own of found) {
      if (own.isFile()) known.bytes += Math.min(own.size, own.blocks * 512) // it may be a file with holes
      known.changedAt = Math.max(known.changedAt, own.mtimeMs, own.ctimeMs)
    }
    partials.set(digest, known)
  }
  return [...partials.values()]
}

/** Facts of a file, or of a folder and all that is in it; links are not followed. Empty when it is gone. */
export function factsBelow(path: string): Stats[] {
  const own = facts(path)
  if (own === null) return []
  return own.isDirectory() ? [own, ...list(path).flatMap(({ name }) => factsBelow(join(path, name)))] : [own]
}

/** Names of the files of one download, or of all, and of the folder of its program; locks are no part of them. */
export function filesOfPartials(folder: string, digest?: string): string[] {
  const names = list(folder).flatMap((entry) =>
    entry.isFile() || (entry.isDirectory() && isProgramFolder(entry.name)) ? [entry.name] : [],
  )
  return names.filter((name) => {
    const [, own] = /^([0-9a-f]{64}|[0-9a-f]{40})\.(?:[a-z]+|whole\.hf)$/.exec(name) ?? []
    return own !== undefined && (digest === undefined || own === digest)
  })
}

const isProgramFolder = (name: string): boolean => name.endsWith('.whole.hf')

function whoseIs(folder: string, digest: string): { repo: string | null; commit: string | null } {
  const text = orGone(() => readFileSync(join(folder, `${digest}.json`), 'utf8'))
  try {
    return Whose.parse(JSON.parse(text ?? ''))
  } catch {
    return { repo: null, commit: null } // absent, torn or of another version
  }
}
