import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { inFolder } from './disk.js'
import type { Layout } from './layout.js'

export type PythonLock = { release(): Promise<void> }

const HELD_BY_ANOTHER = 75

/**
 * Takes the lock by which Python's `huggingface_hub` lets one of its processes write a blob; null when one has it. Node cannot lock a file, so
 * util-linux's `flock` does, as a child that ends when its input does: the lock cannot outlive this process. Where there is no `flock`, nothing is
 * locked: both would fetch the file, and both would publish it whole.
 */
export async function tryPythonLock(layout: Layout, digest: string): Promise<PythonLock | null> {
  const path = join(dirname(layout.repo), '.locks', basename(layout.repo), `${digest}.lock`)
  const child = await inFolder(dirname(path), async () =>
    spawn('flock', ['--nonblock', '--no-fork', '--conflict-exit-code', String(HELD_BY_ANOTHER), path, 'cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    }),
  )
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null)) // there is no `flock`
    child.once('exit', resolve)
  })
  child.stdin.on('error', () => {}) // it ended before it read: `ended` says so
  child.stdin.write('\n') // it comes back once the lock is held
  const held = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!held) return (await ended) === HELD_BY_ANOTHER ? null : { release: async () => {} }
  return {
    async release() {
      child.stdin.end()
      await ended
    },
  }
}

/** Bytes that Python has of a blob that it is bringing. */
export async function bytesOfPython(layout: Layout, digest: string): Promise<number> {
  const names = (await readdir(layout.blobs).catch(() => [])).filter((name) => name.startsWith(digest) && name.endsWith('.incomplete')) // no folder yet
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(layout.blobs, name)).catch(() => null))?.size ?? 0)) // just renamed
  return Math.max(0, ...sizes)
}
