import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ScannedPayload } from '../../domain/cache/scan.js'
import { payloadOf, payloadPath, repositoryOf } from './places.js'
import { facts, list, orGone, type StoredFiles } from './stored-files.js'

/** The mark of a folder of shared blobs whose layout is known: an unmarked one is somebody else's. */
export function isSharedStore(hubCache: string): boolean {
  const mark = join(hubCache, 'blobs', '.huggingface-shared-blobs')
  return facts(mark)?.isFile() === true && orGone(() => readFileSync(mark, 'utf8')) === '1\n'
}

/** Reads `<hub>/blobs/<2 hex>/<hash>`. Source: huggingface_hub 2.4, `utils/_shared_blobs.py`. */
export function scanPayloads(hubCache: string, stored: StoredFiles): ScannedPayload[] {
  const payloads: ScannedPayload[] = []
  for (const { name: prefix } of list(join(hubCache, 'blobs'))) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue
    for (const { name: hash } of list(join(hubCache, 'blobs', prefix))) {
      const own = /^[0-9a-f]{64}$/.test(hash) && hash.startsWith(prefix) ? facts(payloadPath(hubCache, hash)) : null
      if (own?.isFile()) payloads.push({ hash, file: stored(own), references: referencesOf(hubCache, hash)?.length ?? null })
    }
  }
  return payloads
}

/** The blobs that a payload's own list names and that do link to it, relative to the cache. Null without a list that can be read: then nobody knows. */
export function referencesOf(hubCache: string, hash: string): string[] | null {
  const file = `${payloadPath(hubCache, hash)}.refs`
  try {
    if (facts(file)?.isFile() !== true) return null
    return [...new Set(readFileSync(file, 'utf8').split('\n'))].filter((line) => linksTo(hubCache, line, hash))
  } catch {
    return null
  }
}

function linksTo(hubCache: string, line: string, hash: string): boolean {
  const [folder = '', blobs, name = '', ...more] = line.split('/')
  if (repositoryOf(folder) === null || blobs !== 'blobs' || name === '' || name === '..' || more.length > 0) return false
  const link = join(hubCache, line)
  return facts(link)?.isSymbolicLink() === true && orGone(() => payloadOf(hubCache, link))?.hash === hash
}
