import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CacheEvent } from '../../src/domain/cache/event.js'
import type { ModelFile } from '../../src/contracts/model.js'

export const COMMIT = 'c'.repeat(40)

export type SampleCache = { home: string; hubCache: string; remove(): void }

/** A cache of so many small files in so many repositories, as the hub's clients write it, with a ledger that knows each. */
export function sampleCache(repositories: number, files: number): SampleCache {
  const home = mkdtempSync(join(tmpdir(), 'aim-bench-cache-'))
  const hubCache = join(home, 'hub')
  mkdirSync(join(home, 'aim', 'ledger'), { recursive: true })
  for (let repo = 0; repo < repositories; repo += 1) {
    const count = Math.floor((files * (repo + 1)) / repositories) - Math.floor((files * repo) / repositories)
    const name = `org/model-${repo}`
    const written = writeSnapshot(hubCache, name, count)
    const at = new Date(Date.now() - repo * 60_000).toISOString()
    const fetched = written.map(({ path, size, digest }) => ({ path, digest: digest.hex, bytes: size, source: 'hub https://hub.example' }))
    record(home, { kind: 'fetched', at, repo: name, commit: COMMIT, files: fetched, ms: 1_000 })
    record(home, {
      kind: 'asked',
      at,
      repo: name,
      commit: COMMIT,
      endpoint: null,
      outcome: 'miss',
      bytes: count,
      fetchedBytes: count,
      ms: 1_000,
    })
  }
  return { home, hubCache, remove: () => rmSync(home, { recursive: true }) }
}

/** One repository of one revision, and its files as a pinned model names them. */
export function writeSnapshot(hubCache: string, repo: string, count: number): ModelFile[] {
  const root = join(hubCache, `models--${repo.replace('/', '--')}`)
  for (const folder of ['blobs', 'refs', `snapshots/${COMMIT}`]) mkdirSync(join(root, folder), { recursive: true })
  writeFileSync(join(root, 'refs', 'main'), COMMIT)
  return Array.from({ length: count }, (_, index): ModelFile => {
    const content = `${repo} ${index}`
    const hex = createHash('sha256').update(content).digest('hex')
    const path = `model-${index}.safetensors`
    writeFileSync(join(root, 'blobs', hex), content)
    symlinkSync(`../../blobs/${hex}`, join(root, 'snapshots', COMMIT, path))
    return { path, size: content.length, digest: { kind: 'sha256', hex } }
  })
}

function record(home: string, { kind, ...event }: CacheEvent): void {
  appendFileSync(join(home, 'aim', 'ledger', `${event.at.slice(0, 7)}.jsonl`), `${JSON.stringify({ v: 1, kind, ...event })}\n`)
}
